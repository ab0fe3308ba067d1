//! Long texts as Python strings, faster than Python's decoder of UTF-8 makes them.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;

use popmail_simd::{Widest, append_latin1, append_utf16, widest};

/// Shorter texts are not worth it.
const LONG: usize = 128;

/// The text as a string.
pub fn string<'py>(py: Python<'py>, text: &str) -> Bound<'py, PyString> {
    let made = match text.len() {
        ..LONG => None,
        _ => match widest(text) {
            Widest::Latin1 => of_latin1(py, text),
            Widest::Basic => of_utf16(py, text),
            // ASCII is copied as it is; there is no shorter way to four octets a character.
            Widest::Ascii | Widest::Astral => None,
        },
    };
    made.unwrap_or_else(|| PyString::new(py, text))
}

fn of_latin1<'py>(py: Python<'py>, text: &str) -> Option<Bound<'py, PyString>> {
    let mut octets = Vec::new();
    append_latin1(text, &mut octets);
    let len = octets.len().try_into().ok()?;
    // SAFETY: the octets are alive and as many; errors are not asked for. What comes back is a new
    // reference to a string or null with an error.
    #[allow(unsafe_code)]
    let string = unsafe {
        let string = ffi::PyUnicode_DecodeLatin1(octets.as_ptr().cast(), len, std::ptr::null());
        Bound::from_owned_ptr_or_err(py, string)
            .ok()?
            .cast_into_unchecked()
    };
    Some(string)
}

fn of_utf16<'py>(py: Python<'py>, text: &str) -> Option<Bound<'py, PyString>> {
    let mut units = Vec::new();
    append_utf16(text, &mut units);
    let len: ffi::Py_ssize_t = units.len().try_into().ok()?;
    // SAFETY: the units are alive and as many. What comes back is a new reference to a string, or
    // null with an error.
    #[allow(unsafe_code)]
    let string = unsafe {
        let string = match from_kind_and_data() {
            // The kind is the size of a character in octets.
            Some(make) => make(2, units.as_ptr().cast(), len),
            None => {
                let mut order = if cfg!(target_endian = "little") {
                    -1
                } else {
                    1
                };
                ffi::PyUnicode_DecodeUTF16(
                    units.as_ptr().cast(),
                    2 * len,
                    std::ptr::null(),
                    &mut order,
                )
            }
        };
        Bound::from_owned_ptr_or_err(py, string)
            .ok()?
            .cast_into_unchecked()
    };
    Some(string)
}

type FromKindAndData = unsafe extern "C" fn(
    kind: std::ffi::c_int,
    data: *const std::ffi::c_void,
    len: ffi::Py_ssize_t,
) -> *mut ffi::PyObject;

/// `PyUnicode_FromKindAndData`, three times as fast as decoding UTF-16. Every CPython since 3.3 exports
/// it, but it is not in the stable ABI: it is looked for and may be absent.
#[cfg(unix)]
fn from_kind_and_data() -> Option<FromKindAndData> {
    use std::sync::OnceLock;

    static FOUND: OnceLock<Option<FromKindAndData>> = OnceLock::new();
    *FOUND.get_or_init(|| {
        // SAFETY: the name ends with a null; what has it is the function of CPython's C API.
        #[allow(unsafe_code)]
        unsafe {
            let found = libc::dlsym(libc::RTLD_DEFAULT, c"PyUnicode_FromKindAndData".as_ptr());
            std::mem::transmute::<*mut std::ffi::c_void, Option<FromKindAndData>>(found)
        }
    })
}

#[cfg(not(unix))]
fn from_kind_and_data() -> Option<FromKindAndData> {
    None
}
