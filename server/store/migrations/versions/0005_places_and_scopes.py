"""areas, buildings, gates and grid cells; what an account sees in rows of its own, and "everything" said in words."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

# Before, a list of complexes stood in the account, and an empty one meant everything. A scope of nothing has no word
# there: a list that names no complex stands for it, and comes back as nothing.
_NOTHING = "(none)"
_PLACES = ("place_import", "building", "gate")
_COLUMNS = (("area", "area"), ("management", ""), ("address", ""), ("grid_cell", "grid_cell"))


def upgrade() -> None:
    _areas()
    _cells()
    for name, of in _COLUMNS:  # written out: Alembic would add the reference by itself, which SQLite cannot
        op.execute(f"ALTER TABLE complex ADD COLUMN {name} VARCHAR" + (f" REFERENCES {of}(id)" if of else ""))
    op.create_index("complex_area", "complex", ["area"])
    op.create_index("complex_grid_cell", "complex", ["grid_cell"])
    _buildings_and_gates()
    op.create_table(
        "place_import",
        sa.Column("account", sa.Integer(), nullable=False),
        *_words("made_at"),
        sa.Column("rows", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.PrimaryKeyConstraint("account"),
    )
    _scopes()


def _areas() -> None:
    op.create_table(
        "area",
        *_words("id", "kind", "name"),
        sa.Column("parent", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["parent"], ["area.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("area_parent", "area", ["parent"])
    op.create_table(
        "area_within",
        *_words("upper", "area"),
        sa.ForeignKeyConstraint(["upper"], ["area.id"]),
        sa.ForeignKeyConstraint(["area"], ["area.id"]),
        sa.PrimaryKeyConstraint("upper", "area"),
    )
    op.create_index("area_within_area", "area_within", ["area"])


def _cells() -> None:
    op.create_table(
        "grid_cell",
        *_words("id", "area", "name"),
        sa.Column("worker", sa.String(), nullable=True),
        sa.Column("phone", sa.String(), nullable=True),
        sa.Column("account", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["area"], ["area.id"]),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("area", "name"),
    )


def _buildings_and_gates() -> None:
    op.create_table(
        "building",
        *_words("id", "complex", "name"),
        sa.Column("grid_cell", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["complex"], ["complex.id"]),
        sa.ForeignKeyConstraint(["grid_cell"], ["grid_cell.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("complex", "name"),
    )
    op.create_index("building_grid_cell", "building", ["grid_cell"])
    op.create_table(
        "gate",
        *_words("id", "complex", "name"),
        sa.ForeignKeyConstraint(["complex"], ["complex.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("complex", "name"),
    )


def _scopes() -> None:
    op.create_table(
        "account_scope",
        sa.Column("account", sa.Integer(), nullable=False),
        *_words("kind", "place"),
        sa.ForeignKeyConstraint(["account"], ["account.id"]),
        sa.PrimaryKeyConstraint("account", "kind", "place"),
    )
    accounts = op.get_bind().execute(sa.select(_account.c.id, _account.c.complexes)).all()
    rows = [row for number, complexes in accounts for row in _rows_of(number, complexes)]
    if rows:
        op.bulk_insert(_scope, rows)
    op.drop_column("account", "complexes")


def _rows_of(account: int, complexes: list[str]) -> list[dict[str, Any]]:
    if not complexes:
        return [{"account": account, "kind": "city", "place": ""}]
    named = sorted({name for name in complexes if name != _NOTHING})
    return [{"account": account, "kind": "complex", "place": name} for name in named]


def downgrade() -> None:
    op.add_column("account", sa.Column("complexes", sa.JSON(), nullable=True))
    for number, complexes in _lists().items():
        op.execute(_account.update().where(_account.c.id == number).values(complexes=complexes))
    with op.batch_alter_table("account") as account:
        account.alter_column("complexes", existing_type=sa.JSON(), nullable=False)
    op.drop_table("account_scope")
    for table in _PLACES:
        op.drop_table(table)
    op.drop_index("complex_area", "complex")
    op.drop_index("complex_grid_cell", "complex")
    with op.batch_alter_table("complex") as complex_:
        for name, _ in _COLUMNS:
            complex_.drop_column(name)
    for table in ("grid_cell", "area_within", "area"):
        op.drop_table(table)


def _lists() -> dict[int, list[str]]:
    """What each account saw, as a list: an area becomes the complexes that are in it now."""
    bind = op.get_bind()
    found: dict[int, list[str]] = {number: [] for (number,) in bind.execute(sa.select(_account.c.id))}
    everything: set[int] = set()
    for number, kind, place in bind.execute(sa.select(_scope.c.account, _scope.c.kind, _scope.c.place)):
        if kind == "city":
            everything.add(number)
        else:
            found[number] += [place] if kind == "complex" else _complexes_in(place)
    return {number: [] if number in everything else sorted(set(names)) or [_NOTHING] for number, names in found.items()}


def _complexes_in(area: str) -> list[str]:
    below = sa.text(
        "SELECT complex.id FROM complex JOIN area_within ON area_within.area = complex.area"
        " WHERE area_within.upper = :area"
    )
    return list(op.get_bind().execute(below, {"area": area}).scalars())


def _words(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


_account = sa.table("account", sa.column("id", sa.Integer()), sa.column("complexes", sa.JSON()))
_scope = sa.table(
    "account_scope",
    sa.column("account", sa.Integer()),
    sa.column("kind", sa.String()),
    sa.column("place", sa.String()),
)
