//! What both engines take: names of choices, times, limits.

use std::time::Duration;

use popmail::pop3::set_host_normal_form;
use popmail::{ErrorCode, Security};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::convert::{text, thrown};

#[wasm_bindgen(raw_module = "popmail-host")]
extern "C" {
    /// `String.prototype.normalize`, to NFKC.
    #[wasm_bindgen(js_name = normalForm)]
    fn normal_form_of(text: &str) -> String;
}

fn normal_form(text: &str) -> String {
    normal_form_of(text)
}

/// Names and passwords beyond ASCII; more than once does no harm.
pub fn leave_normal_form_to_host() {
    set_host_normal_form(normal_form);
}

/// An argument that cannot be: the same code as the core's.
pub fn argument(message: &str) -> JsValue {
    thrown(ErrorCode::UsageArgument, message)
}

/// `"implicit"`, `"starttls"` or `"none"`.
pub fn security(config: &JsValue) -> Result<Security, JsValue> {
    match text(config, "tls").as_deref() {
        Some("implicit") => Ok(Security::Implicit),
        Some("starttls") => Ok(Security::StartTls),
        Some("none") => Ok(Security::None),
        other => Err(argument(&format!(
            "tls must be 'implicit', 'starttls' or 'none', got '{}'",
            other.unwrap_or_default()
        ))),
    }
}

/// Milliseconds as JavaScript counts them; what is too long is without end.
pub fn duration(milliseconds: f64) -> Duration {
    Duration::try_from_secs_f64(milliseconds.max(0.0) / 1e3).unwrap_or(Duration::MAX)
}

/// The way back; `None` is without end.
pub fn milliseconds(duration: Duration) -> Option<f64> {
    (duration < FOREVER).then_some(duration.as_secs_f64() * 1e3)
}

/// Takes bounds from an object; the face has checked that they are whole
/// numbers and not below 0.
macro_rules! set_limits {
    ($limits:expr, $object:expr, { $($name:ident: $key:literal),* $(,)? }) => {
        $(if let Some(value) = $crate::convert::number($object, $key) {
            $limits.$name = value as _;
        })*
    };
}
pub(crate) use set_limits;

/// More than a century: no end.
const FOREVER: Duration = Duration::from_secs(u32::MAX as u64);
