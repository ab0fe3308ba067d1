//! The comparisons of `popmail check`, for `popmail._check`.

use pyo3::prelude::*;

use popmail::Stat;
use popmail::pop3::lint;

use crate::entries::{ListEntries, UidlEntries};

/// `(name, text, breaks_a_rule)` of each finding.
type Findings = Vec<(&'static str, String, bool)>;

#[pyfunction]
#[pyo3(signature = (count, octets, sizes, uids))]
fn compare_listings(
    count: u64,
    octets: u64,
    sizes: &ListEntries,
    uids: Option<&UidlEntries>,
) -> Findings {
    let stat = Stat { count, octets };
    let uids = uids.map(UidlEntries::inner);
    lint::listings(stat, sizes.inner(), uids)
        .into_iter()
        .map(told)
        .collect()
}

/// `in_the_clear` and `after_login` are the lines of CAPA.
#[pyfunction]
#[pyo3(signature = (in_the_clear, after_login))]
fn check_offers(in_the_clear: Option<Vec<String>>, after_login: Vec<String>) -> Findings {
    let in_the_clear = in_the_clear.map(popmail::Capabilities::from_iter);
    let after_login = popmail::Capabilities::from_iter(after_login);
    lint::offers(in_the_clear.as_ref(), &after_login)
        .into_iter()
        .map(told)
        .collect()
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(compare_listings, module)?)?;
    module.add_function(wrap_pyfunction!(check_offers, module)?)
}

fn told(finding: lint::Finding) -> (&'static str, String, bool) {
    (
        finding.as_str(),
        finding.to_string(),
        finding.breaks_a_rule(),
    )
}
