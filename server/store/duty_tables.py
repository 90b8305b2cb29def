"""The tables of the duty ladder: who has what, whom to tell, who is on duty, and what is not to ring."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, String, Table

from server.store.tables import metadata

duty_state = Table(  # a matter on the ladder; what it says beside ``state`` is told from that, to be looked for
    "duty_state",
    metadata,
    Column("incident", String, primary_key=True),  # the alert by which it came onto the ladder
    Column("complex", String, nullable=False),
    Column("category", String, nullable=False),
    Column("place", String, nullable=False),  # its spot: a place, or the device where no place is known
    Column("state", LargeBinary, nullable=False),  # domain.duty.state.State as JSON
    Column("revision", Integer, nullable=False),
    Column("status", String, nullable=False),  # open | acknowledged | ended
    Column("level", String, nullable=False),
    Column("person", String, nullable=False),  # "": the level's desk
    Column("severity", String, nullable=False),
    Column("at_top", Integer, nullable=False),
    Column("opened_at", String, nullable=False),
    Column("due_at", String),  # when to look next; None where it has ended
    Column("updated_at", String, nullable=False),
    Column("ended_at", String),
    Column("climbed_to", String),  # the highest level that it climbed to by itself; none: the first took it
    Column("taken_s", Integer),  # from its opening until somebody took it, or closed it
    Column("ended_s", Integer),  # until it ended
    Column("ended_why", String),
    Index("duty_state_opened", "opened_at"),
    Index("duty_state_due", "due_at"),
    Index("duty_state_whose", "status", "level", "person"),
    Index("duty_state_here", "complex", "status", "opened_at"),
)
duty_step = Table(  # somebody is to be told: written with the state, sent by who delivers, void once ``dropped``
    "duty_step",
    metadata,
    Column("incident", String, nullable=False),
    Column("number", Integer, nullable=False),
    Column("complex", String, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("level", String, nullable=False),
    Column("person", String, nullable=False),  # "": the level's desk
    Column("why", String, nullable=False),
    Column("unit", String, nullable=False),  # of a unit that is called; "" where the owner is told
    Column("severity", String, nullable=False),
    Column("at", String, nullable=False),
    Column("sent_at", String),
    Column("dropped", String),  # why it was not sent: void
    PrimaryKeyConstraint("incident", "number"),
    Index("duty_step_waits", "sent_at", "dropped", "at"),
    Index("duty_step_here", "complex", "at"),
)
duty_alert = Table(  # an alert as the ladder saw it: in which matter it is, or why it is in none
    "duty_alert",
    metadata,
    Column("id", String, primary_key=True),
    Column("complex", String, nullable=False),
    Column("category", String, nullable=False),
    Column("place", String, nullable=False),
    Column("rule", String, nullable=False),
    Column("occurred_at", String, nullable=False),
    Column("body", LargeBinary, nullable=False),  # domain.alerts.words.Alert as JSON
    Column("incident", String),  # the matter on the ladder
    Column("why", String, nullable=False),  # rings | late | inhibited | silenced | unsure | cooldown | mild | handled
    Column("fact", String),  # the id of its fact in hex; None of what came before alerts knew it
    Index("duty_alert_fact", "fact"),
    Index("duty_alert_spot", "complex", "category", "place", "occurred_at"),
    Index("duty_alert_incident", "incident"),
    Index("duty_alert_muted", "why", "occurred_at"),
    Index("duty_alert_rule", "rule", "complex", "occurred_at"),
)


def _versions(name: str) -> Table:
    """Append-only: what is changed, and what is taken back, is a higher version."""
    return Table(
        name,
        metadata,
        Column("complex", String, nullable=False),
        Column("version", Integer, nullable=False),
        Column("body", LargeBinary, nullable=False),  # JSON
        Column("words", String, nullable=False),  # what was changed
        Column("made_at", String, nullable=False),
        Column("made_by", String, nullable=False),
        PrimaryKeyConstraint("complex", "version"),
    )


duty_plan = _versions("duty_plan")
duty_rota = _versions("duty_rota")
silence = Table(  # who wants to hear nothing of what; "" asks nothing
    "silence",
    metadata,
    Column("id", String, primary_key=True),
    Column("complex", String, nullable=False),
    Column("by", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("since", String, nullable=False),
    Column("until", String, nullable=False),
    Column("rule", String, nullable=False),
    Column("category", String, nullable=False),
    Column("device", String, nullable=False),
    Column("place", String, nullable=False),
    Column("up_to", String, nullable=False),
    Column("ended_at", String),  # taken back before its end
    Column("ended_by", String),
    Index("silence_here", "complex", "until"),
)
noise = Table(  # what people said of alerts they looked at; of one alert the last word counts
    "noise",
    metadata,
    Column("alert", String, primary_key=True),
    Column("complex", String, nullable=False),
    Column("device", String, nullable=False),
    Column("rule", String, nullable=False),
    Column("at", String, nullable=False),
    Column("is_false", Integer, nullable=False),
    Column("by", String, nullable=False),
    Index("noise_here", "complex", "at"),
)
