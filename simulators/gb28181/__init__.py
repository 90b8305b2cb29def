"""An upper platform of GB/T 28181 that registers, asks, hears alarms, and fails when it is told to."""
