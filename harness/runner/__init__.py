"""Executing a plan: workers that touch the device, and the parent that starts them and stores their results."""
