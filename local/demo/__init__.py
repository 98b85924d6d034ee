"""`make demo`: a day in the life of the service, deployed for real onto the embedded AWS, told as it happens.

`day` has the steps in their order, `cast` who acts in them, `screen` what a person sees.
"""
