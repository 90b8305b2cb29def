"""The words of OCPP 1.6 and what they are in ours. Source: its JSON schemas, as pip's ocpp ships them."""

from __future__ import annotations

from types import MappingProxyType

STATES = MappingProxyType(
    {
        "Available": "available",
        "Preparing": "preparing",
        "Charging": "charging",
        "SuspendedEVSE": "suspended_by_charger",
        "SuspendedEV": "suspended_by_vehicle",
        "Finishing": "finishing",
        "Reserved": "reserved",
        "Unavailable": "unavailable",
        "Faulted": "faulted",
    }
)
NO_ERROR = "NoError"
ALARMS = MappingProxyType(
    {
        "ConnectorLockFailure": "charger_lock_failure",
        "EVCommunicationError": "charger_vehicle_communication",
        "GroundFailure": "charger_ground_failure",
        "HighTemperature": "charger_overheat",
        "InternalError": "charger_internal",
        "LocalListConflict": "charger_list_conflict",
        "OtherError": "charger_fault",
        "OverCurrentFailure": "charger_overcurrent",
        "OverVoltage": "charger_overvoltage",
        "PowerMeterFailure": "charger_meter_failure",
        "PowerSwitchFailure": "charger_switch_failure",
        "ReaderFailure": "charger_reader_failure",
        "ResetFailure": "charger_reset_failure",
        "UnderVoltage": "charger_undervoltage",
        "WeakSignal": "charger_weak_signal",
    }
)
FAULTED, ANY_FAULT = "Faulted", "charger_fault"

DEFAULT_MEASURAND, DEFAULT_LOCATION = "Energy.Active.Import.Register", "Outlet"
# Measurand -> the name of its metric and what is measured.
MEASURANDS = MappingProxyType(
    {
        "Energy.Active.Import.Register": ("energy_wh", "energy"),
        "Energy.Active.Export.Register": ("energy_export_wh", "energy"),
        "Energy.Active.Import.Interval": ("energy_interval_wh", "energy"),
        "Energy.Active.Export.Interval": ("energy_export_interval_wh", "energy"),
        "Energy.Reactive.Import.Register": ("energy_reactive_varh", "reactive_energy"),
        "Energy.Reactive.Export.Register": ("energy_reactive_export_varh", "reactive_energy"),
        "Energy.Reactive.Import.Interval": ("energy_reactive_interval_varh", "reactive_energy"),
        "Energy.Reactive.Export.Interval": ("energy_reactive_export_interval_varh", "reactive_energy"),
        "Power.Active.Import": ("power_w", "power"),
        "Power.Active.Export": ("power_export_w", "power"),
        "Power.Offered": ("power_offered_w", "power"),
        "Power.Reactive.Import": ("power_reactive_var", "reactive_power"),
        "Power.Reactive.Export": ("power_reactive_export_var", "reactive_power"),
        "Power.Factor": ("power_factor", "plain"),
        "Current.Import": ("current_ma", "current"),
        "Current.Export": ("current_export_ma", "current"),
        "Current.Offered": ("current_offered_ma", "current"),
        "Voltage": ("voltage_mv", "voltage"),
        "Frequency": ("frequency_hz", "plain"),
        "Temperature": ("temperature_c", "temperature"),
        "SoC": ("battery_pct", "plain"),
        "RPM": ("fan_rpm", "plain"),
    }
)
# What is measured -> unit as sent -> factor and offset to ours. "" is the unit that was left out.
UNITS = MappingProxyType(
    {
        "energy": {"": (1, 0), "Wh": (1, 0), "kWh": (1_000, 0)},
        "reactive_energy": {"": (1, 0), "varh": (1, 0), "kvarh": (1_000, 0)},
        "power": {"": (1, 0), "W": (1, 0), "kW": (1_000, 0), "VA": (1, 0), "kVA": (1_000, 0)},
        "reactive_power": {"": (1, 0), "var": (1, 0), "kvar": (1_000, 0)},
        "current": {"": (1_000, 0), "A": (1_000, 0)},
        "voltage": {"": (1_000, 0), "V": (1_000, 0)},
        "temperature": {
            "": (1, 0),
            "Celsius": (1, 0),
            "Celcius": (1, 0),  # as the specification itself once spelled it
            "Fahrenheit": (5 / 9, -160 / 9),
            "K": (1, -273.15),
        },
        "plain": {"": (1, 0), "Percent": (1, 0), "Hertz": (1, 0), "Wh": (1, 0)},  # Wh: the default some always send
    }
)
