"""Several ranks of one job: their traces read side by side, their clocks aligned, who waited for whom and why."""
