//! Values that cross the border in both directions: names of choices, limits,
//! objects, errors.

use std::time::Duration;

use js_sys::{Object, Reflect, Uint8Array};
use popmail::{ErrorCode, Security, UsageError};
use wasm_bindgen::{JsCast, JsValue};

/// An object that is filled property by property.
#[derive(Default)]
pub struct Properties(Object);

impl Properties {
    pub fn new(kind: &str) -> Self {
        Self::default().with("type", kind)
    }

    pub fn with(self, name: &str, value: impl Into<JsValue>) -> Self {
        // Setting a property of a plain object does not fail.
        let _ = Reflect::set(&self.0, &name.into(), &value.into());
        self
    }

    pub fn with_octets(self, name: &str, octets: &[u8]) -> Self {
        self.with(name, Uint8Array::from(octets))
    }
}

impl From<Properties> for JsValue {
    fn from(properties: Properties) -> Self {
        properties.0.into()
    }
}

/// A property of an options object.
pub fn property(object: &JsValue, name: &str) -> JsValue {
    Reflect::get(object, &name.into()).unwrap_or_default()
}

pub fn number(object: &JsValue, name: &str) -> Option<f64> {
    property(object, name).as_f64()
}

pub fn text(object: &JsValue, name: &str) -> Option<String> {
    property(object, name).as_string()
}

pub fn flag(object: &JsValue, name: &str) -> bool {
    property(object, name).is_truthy()
}

/// What a call that is refused throws: an `Error` with a `code`.
pub fn refused(error: &UsageError) -> JsValue {
    thrown(error.code(), &error.to_string())
}

/// An argument that cannot be: the same code as the core's.
pub fn argument(message: &str) -> JsValue {
    thrown(ErrorCode::UsageArgument, message)
}

fn thrown(code: ErrorCode, message: &str) -> JsValue {
    let error = js_sys::Error::new(message);
    Properties(error.unchecked_into())
        .with("code", code.as_str())
        .into()
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
