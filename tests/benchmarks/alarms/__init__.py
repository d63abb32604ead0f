"""What drift alarms are worth: false alarms, power and speed, beside other rules on the same windows."""
