"""Drawings of results: `draw(e)` picks one, `kinds(e)` lists those that fit, each drawing is a function of its own.

In a notebook, `e.plot().figure` (or `figure(e)`) as the last line of a cell shows the picture: the figure belongs to
the result's axes and not to pyplot, so nothing is drawn unasked and `plt.show` knows nothing of it.
"""

from .registry import draw as draw  # isort: skip
from .registry import draws as draws  # isort: skip
from .registry import figure as figure  # isort: skip
from .registry import kinds as kinds  # isort: skip
from .registry import pages as pages  # isort: skip
from .page import shown as shown  # isort: skip
from .page import write as write  # isort: skip
from .highlight import html as html  # isort: skip
from .highlight import terminal as terminal  # isort: skip

# The order is that of preference: the first that fits is drawn when the caller names none.
from .overlay import overlay as overlay  # isort: skip
from .grid import grid as grid  # isort: skip
from .beeswarm import beeswarm as beeswarm  # isort: skip
from .waterfall import waterfall as waterfall  # isort: skip
from .series import series as series  # isort: skip
from .tokens import tokens as tokens  # isort: skip
from .regions import regions as regions  # isort: skip
from .heatmap import heatmap as heatmap  # isort: skip
from .bar import bar as bar  # isort: skip
from .importance import importance as importance  # isort: skip
from .patches import patches as patches  # isort: skip
from .attention import attention as attention  # isort: skip
from .head import head as head  # isort: skip
from .changes import changes as changes  # isort: skip
from .boundary import boundary as boundary  # isort: skip
from .way import way as way  # isort: skip
from .before_after import before_after as before_after  # isort: skip
from .kernels import kernels as kernels  # isort: skip
from .matrix import matrix as matrix  # isort: skip
from .distribution import distribution as distribution  # isort: skip
from .curves import curves as curves  # isort: skip
from .curve import curve as curve  # isort: skip
from .effect_map import effect_map as effect_map  # isort: skip
from .graph import graph as graph  # isort: skip
from .maps import maps as maps  # isort: skip
from .pooling import pooling as pooling  # isort: skip
from .responses import responses as responses  # isort: skip
from .statistics import statistics as statistics  # isort: skip
from .examples import examples as examples  # isort: skip
from .unit_scatter import unit_scatter as unit_scatter  # isort: skip
from .activation_curve import activation_curve as activation_curve  # isort: skip
from .flow import flow as flow  # isort: skip
from .clusters import clusters as clusters  # isort: skip
from .clusters import centres as centres  # isort: skip
from .silhouettes import silhouettes as silhouettes  # isort: skip
from .projection import projection as projection  # isort: skip
from .optima import optima as optima  # isort: skip
from .optimal_rows import optimal_rows as optimal_rows  # isort: skip
from .optimal_series import optimal_series as optimal_series  # isort: skip
from .reached import reached as reached  # isort: skip
from .architecture import architecture as architecture  # isort: skip
from .linearity import linearity as linearity  # isort: skip
from .linearity import effective as effective  # isort: skip
from .sensitivity import sensitivity as sensitivity  # isort: skip
from .pair_map import pair_map as pair_map  # isort: skip
from .dependence import dependence as dependence  # isort: skip
from .path import path as path  # isort: skip
from .tree import tree as tree  # isort: skip
from .rules import rules as rules  # isort: skip
from .coefficients import coefficients as coefficients  # isort: skip
