"""All scripts of requests, in their order."""

from tracking_calls import CALLS as CLASSIC
from tracking_calls_conventions import CONVENTIONS
from tracking_calls_engines import ENGINES
from tracking_calls_evaluation import EVALUATION
from tracking_calls_gateway import GATEWAY
from tracking_calls_issues import ISSUES
from tracking_calls_oddities import ODDITIES
from tracking_calls_pages import PAGES
from tracking_calls_scorers import SCORERS
from tracking_calls_traces import TRACES
from tracking_calls_webhooks import WEBHOOKS

CALLS = [*CLASSIC, *ENGINES, *PAGES, *TRACES, *CONVENTIONS, *WEBHOOKS, *EVALUATION, *GATEWAY, *SCORERS, *ISSUES, *ODDITIES]
