"""Public revenue beyond parking, and what it is spent on: kinds, and the path by which a complex decides on it."""

from domain.revenue.kinds import INCOME as INCOME
from domain.revenue.kinds import SPENDING as SPENDING
from domain.revenue.kinds import UnknownKind as UnknownKind
from domain.revenue.kinds import account_of as account_of
from domain.revenue.kinds import lines_of as lines_of
from domain.revenue.path import KEEPERS as KEEPERS
from domain.revenue.path import PATH as PATH
from domain.revenue.path import PUBLIC as PUBLIC
from domain.revenue.path import REVIEWING as REVIEWING
from domain.revenue.path import SETTLED as SETTLED
from domain.revenue.path import STAGES as STAGES
from domain.revenue.path import NotNow as NotNow
from domain.revenue.path import Past as Past
from domain.revenue.path import Standing as Standing
from domain.revenue.path import Step as Step
from domain.revenue.path import Who as Who
from domain.revenue.path import check as check
from domain.revenue.path import open_to as open_to
from domain.revenue.path import step_named as step_named
