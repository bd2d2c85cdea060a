"""Several ranks of one job: their traces side by side, their clocks aligned, who waited for whom and why."""
