"""Seeded bugs: a correct plugin of each kind, and each with one thing wrong."""

from helpers.mutants import maps as maps
from helpers.mutants import side_effects as side_effects
from helpers.mutants.adapters import ADAPTERS as ADAPTERS
from helpers.mutants.adapters import right_adapter as right_adapter
from helpers.mutants.methods import METHODS as METHODS
from helpers.mutants.methods import correct as correct
from helpers.mutants.metrics import METRICS as METRICS
from helpers.mutants.metrics import WELL_STATED as WELL_STATED
from helpers.mutants.metrics import right_metric as right_metric
from helpers.mutants.renderers import RENDERERS as RENDERERS
from helpers.mutants.renderers import right_renderer as right_renderer
from helpers.mutants.sources import SOURCES as SOURCES
from helpers.mutants.sources import right_source as right_source
