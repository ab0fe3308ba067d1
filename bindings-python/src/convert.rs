//! Values that cross the border in both directions: names of choices, limits.

use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use popmail::{AuthChoice, Security};

/// `"implicit"`, `"starttls"` or `"none"`.
pub fn security(name: &str) -> PyResult<Security> {
    match name {
        "implicit" => Ok(Security::Implicit),
        "starttls" => Ok(Security::StartTls),
        "none" => Ok(Security::None),
        _ => Err(PyValueError::new_err(format!(
            "tls must be 'implicit', 'starttls' or 'none', got {name:?}"
        ))),
    }
}

/// `"auto"` or the name of a mechanism.
pub fn auth_choice(name: &str) -> PyResult<AuthChoice> {
    AuthChoice::NAMES
        .into_iter()
        .find_map(|(known, choice)| (known == name).then_some(choice))
        .ok_or_else(|| {
            let names = AuthChoice::NAMES.map(|(name, _)| name).join("', '");
            PyValueError::new_err(format!("auth must be one of '{names}', got {name:?}"))
        })
}

/// Seconds as Python counts them; `None` and infinity are without end.
pub fn duration(seconds: Option<f64>) -> PyResult<Duration> {
    match seconds {
        None => Ok(Duration::MAX),
        Some(seconds) if seconds.is_nan() || seconds <= 0.0 => Err(PyValueError::new_err(format!(
            "timeout must be a number of seconds above 0, or None, got {seconds}"
        ))),
        Some(seconds) => Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)),
    }
}

macro_rules! limits {
    ($($name:ident: $type:ty),* $(,)?) => {
        /// Bounds of a client connection; what is not given has its default.
        #[pyclass(frozen, eq, module = "popmail", name = "Limits")]
        #[derive(Clone, PartialEq)]
        pub struct PyLimits(pub popmail::Limits);

        #[pymethods]
        impl PyLimits {
            #[new]
            #[pyo3(signature = (*, $($name = None),*))]
            #[allow(clippy::too_many_arguments)] // One for each bound, by keyword.
            fn new($($name: Option<$type>),*) -> Self {
                let mut limits = popmail::Limits::default();
                $(if let Some($name) = $name { limits.$name = $name; })*
                Self(limits)
            }

            $(#[getter] fn $name(&self) -> $type { self.0.$name })*

            fn __repr__(&self) -> String {
                let fields = [$(format!("{}={}", stringify!($name), self.0.$name)),*];
                format!("Limits({})", fields.join(", "))
            }
        }
    };
}

limits! {
    command_line: usize,
    status_line: usize,
    listing_line: usize,
    listing_entries: usize,
    listing_octets: usize,
    capability_line: usize,
    capability_lines: usize,
    challenge: usize,
    rounds: usize,
    buffered_content: u64,
    window_commands: usize,
    window_octets: usize,
    prefetch_octets: u64,
    login_patience: u32,
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyLimits>()
}
