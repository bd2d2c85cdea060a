"""Other people's problems as ops of one's own: read here as syntax trees and JSON, run in a worker alone."""
