"""What pySigma says about a rule, as located issues. Every error class it has is in the table; a test enumerates them."""

import re
import warnings
from collections.abc import Callable
from typing import TypeVar

from mcp_siem.errors import Issue
from mcp_siem.rules.yamltext import Document
from sigma import exceptions as sigma

__all__ = ["CRASHES", "FAULTS", "guarded", "issue_of"]

T = TypeVar("T")

_PYPARSING_PLACE = re.compile(r",? *\(at char \d+\), \(line:\d+, col:\d+\)")

# What pySigma raises on input it did not expect, next to its own errors.
CRASHES = (TypeError, ValueError, AttributeError, KeyError, IndexError, RecursionError, OverflowError)

# Error class -> (code, the key of the rule it is about, what to do next). The nearest class of the MRO decides.
FAULTS: dict[type[BaseException], tuple[str, str, str]] = {
    sigma.SigmaError: ("MS029", "", "compare the rule with the Sigma specification"),
    sigma.SigmaValueError: ("MS014", "detection", "give a value that the modifier accepts"),
    sigma.SigmaTypeError: ("MS014", "detection", "give a value of the type that the modifier or key needs"),
    sigma.SigmaModifierError: ("MS013", "detection", "use a modifier of the Sigma specification"),
    sigma.SigmaRegularExpressionError: ("MS014", "detection", "correct the regular expression"),
    sigma.SigmaPlaceholderError: ("MS014", "detection", "set the variable in [vars] of mcp-siem.toml"),
    sigma.SigmaDetectionError: ("MS010", "detection", "write at least one selection with a field and a value"),
    sigma.SigmaConditionError: (
        "MS015",
        "detection",
        "write the condition from selection names, and, or, not, 1 of, all of",
    ),
    sigma.SigmaCollectionError: ("MS025", "action", "use action: global, repeat or reset, or remove it"),
    sigma.SigmaCorrelationRuleError: ("MS020", "correlation", "compare with the Sigma correlation specification"),
    sigma.SigmaCorrelationConditionError: (
        "MS020",
        "correlation",
        "give one of gt, gte, lt, lte, eq, neq and a whole number",
    ),
    sigma.SigmaCorrelationTypeError: (
        "MS019",
        "correlation",
        "use event_count, value_count, temporal or temporal_ordered",
    ),
    sigma.SigmaTimespanError: ("MS018", "correlation", "write a number and a unit: 30s, 5m, 1h, 1d"),
    sigma.SigmaRuleNotFoundError: ("MS017", "correlation", "load the rule it names, or correct the name"),
    sigma.SigmaFilterError: ("MS024", "filter", "compare with the Sigma filter specification"),
    sigma.SigmaFilterConditionError: ("MS024", "filter", "give the filter one condition, as text"),
    sigma.SigmaFilterRuleReferenceError: ("MS024", "filter", "give 'rules: any', or a list of rule ids or names"),
    sigma.SigmaTitleError: ("MS012", "title", "give a title of at most 256 characters"),
    sigma.SigmaIdentifierError: ("MS012", "id", "give a UUID (uuidgen makes one), or leave the id out"),
    sigma.SigmaNameError: ("MS012", "name", "give a name, or leave it out"),
    sigma.SigmaTaxonomyError: ("MS012", "taxonomy", "give the name of a taxonomy, or leave it out"),
    sigma.SigmaRelatedError: ("MS012", "related", "give a list of id and type"),
    sigma.SigmaStatusError: ("MS012", "status", "use stable, test, experimental, deprecated or unsupported"),
    sigma.SigmaLevelError: ("MS012", "level", "use informational, low, medium, high or critical"),
    sigma.SigmaTagError: ("MS012", "tags", "give a list of namespace.name"),
    sigma.SigmaDateError: ("MS012", "date", "write the date as YYYY-MM-DD"),
    sigma.SigmaModifiedError: ("MS012", "modified", "write the date as YYYY-MM-DD"),
    sigma.SigmaFieldsError: ("MS012", "fields", "give a list of field names"),
    sigma.SigmaFalsePositivesError: ("MS012", "falsepositives", "give a list of texts"),
    sigma.SigmaAuthorError: ("MS012", "author", "give one text"),
    sigma.SigmaDescriptionError: ("MS012", "description", "give one text"),
    sigma.SigmaReferencesError: ("MS012", "references", "give a list of URLs"),
    sigma.SigmaScopeError: ("MS012", "scope", "give a list of texts"),
    sigma.SigmaLicenseError: ("MS012", "license", "give one text"),
    sigma.SigmaLogsourceError: ("MS012", "logsource", "give category, product or service, each as text"),
    # Those below belong to conversion and plugins; a rule that is only read cannot raise them.
    sigma.SigmaBackendError: ("MS029", "", "report this: a rule that is only read reached a backend"),
    sigma.SigmaConfigurationError: ("MS029", "", "report this: a rule that is only read reached a pipeline"),
    sigma.SigmaConversionError: ("MS029", "", "report this: a rule that is only read was converted"),
    sigma.SigmaFeatureNotSupportedByBackendError: (
        "MS029",
        "",
        "report this: a rule that is only read reached a backend",
    ),
    sigma.SigmaPipelineNotAllowedForBackendError: (
        "MS029",
        "",
        "report this: a rule that is only read reached a backend",
    ),
    sigma.SigmaPipelineNotFoundError: ("MS029", "", "report this: a rule that is only read reached a pipeline"),
    sigma.SigmaPipelineParsingError: ("MS029", "", "report this: a rule that is only read reached a pipeline"),
    sigma.SigmaPipelineConditionError: ("MS029", "", "report this: a rule that is only read reached a pipeline"),
    sigma.SigmaProcessingItemError: ("MS029", "", "report this: a rule that is only read reached a pipeline"),
    sigma.SigmaPluginNotFoundError: ("MS029", "", "report this: a rule that is only read reached a plugin"),
    sigma.SigmaSecurityError: ("MS029", "", "remove what reaches outside the rule"),
    sigma.SigmaTransformationError: ("MS029", "", "report this: a rule that is only read reached a pipeline"),
    sigma.SigmaValidatorConfigurationParsingError: ("MS029", "", "report this: a rule that is only read was validated"),
}


def issue_of(error: BaseException, document: Document, *keys: str | int) -> Issue:
    """The issue for an error that pySigma raised on a document, at `keys` or where such an error belongs."""
    code, key, hint = next((FAULTS[kind] for kind in type(error).__mro__ if kind in FAULTS), FAULTS[sigma.SigmaError])
    where = keys or ((key,) if key else ())
    message = " ".join(str(error.args[0] if error.args else error).split())
    message = _PYPARSING_PLACE.sub("", message)
    if isinstance(error, RecursionError):
        message = "nested too deep"
    elif not isinstance(error, sigma.SigmaError):
        message = f"pySigma cannot read this ({type(error).__name__}: {message})"
    return Issue(code=code, message=message, path=document.path, line=document.line_of(*where), hint=hint)


def guarded(document: Document, call: Callable[[], T], *keys: str | int) -> tuple[T | None, list[Issue]]:
    """The result of a call into pySigma, or the issue that it ended with."""
    try:
        with warnings.catch_warnings():
            # Python's `re` warns of patterns that RE2, which runs them, reads well.
            warnings.simplefilter("ignore")
            return call(), []
    except CRASHES as error:
        return None, [issue_of(error, document, *keys)]
