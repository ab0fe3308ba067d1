//! Values that cross the border in both directions: objects, errors.

use js_sys::{Object, Reflect, Uint8Array};
use popmail::{ErrorCode, UsageError};
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

pub fn thrown(code: ErrorCode, message: &str) -> JsValue {
    let error = js_sys::Error::new(message);
    Properties(error.unchecked_into())
        .with("code", code.as_str())
        .into()
}
