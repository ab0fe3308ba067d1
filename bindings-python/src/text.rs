//! Long texts as Python strings, faster than Python's decoder of UTF-8 makes them.

use std::ffi::{CStr, c_int, c_void};
use std::sync::OnceLock;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyString;

use popmail_simd::{Widest, append_latin1, append_utf16, widest};

/// Shorter texts are not worth it.
const LONG: usize = 128;

/// Longer ones are made piece by piece.
const HUGE: usize = 4 * PIECE;

/// The text as a string.
pub fn string<'py>(py: Python<'py>, text: &str) -> Bound<'py, PyString> {
    let made = match text.len() {
        ..LONG => None,
        // Nothing else of its size is made on the way.
        HUGE.. => filled(
            py,
            &|each| {
                each(text);
                true
            },
            text.chars().count(),
            widest(text),
        ),
        _ => match widest(text) {
            Widest::Ascii => of_ascii(py, text),
            Widest::Latin1 => of_latin1(py, text),
            Widest::Basic => of_utf16(py, text),
            // There is no shorter way to four octets a character.
            Widest::Astral => None,
        },
    };
    made.unwrap_or_else(|| PyString::new(py, text))
}

/// A text that is handed over in pieces as a string, `None` where there is no text. `read` hands the same
/// pieces over each time that it is called.
///
/// Of a long text nothing is there at once but the string and one piece: the first pass finds how long it
/// becomes and how wide its characters are (PEP 393), the second fills it.
pub fn in_pieces<'py>(py: Python<'py>, read: &Reading<'_>) -> Option<Bound<'py, PyString>> {
    let (mut count, mut largest) = (0, Widest::Ascii);
    let is_any = read(&mut |piece| {
        count += piece.chars().count();
        largest = largest.max(widest(piece));
    });
    is_any.then(|| {
        filled(py, read, count, largest).unwrap_or_else(|| {
            let mut whole = String::new();
            read(&mut |piece| whole.push_str(piece));
            string(py, &whole)
        })
    })
}

/// Hands the pieces of a text over; whether there is one.
type Reading<'r> = dyn Fn(&mut dyn FnMut(&str)) -> bool + 'r;

/// Octets of text that are made into a string of their own.
const PIECE: usize = 64 << 10;

/// The string of `count` characters that the pieces fill.
fn filled<'py>(
    py: Python<'py>,
    read: &Reading<'_>,
    count: usize,
    largest: Widest,
) -> Option<Bound<'py, PyString>> {
    let (make, copy) = filling()?;
    let largest = match largest {
        Widest::Ascii => 0x7f,
        Widest::Latin1 => 0xff,
        Widest::Basic => 0xffff,
        Widest::Astral => 0x0010_ffff,
    };
    let count = count.try_into().ok()?;
    // SAFETY: what comes back is a new reference to a string, or null with an error.
    #[allow(unsafe_code)]
    let made: Bound<'py, PyString> = unsafe {
        Bound::from_owned_ptr_or_err(py, make(count, largest))
            .ok()?
            .cast_into_unchecked()
    };
    let mut at: ffi::Py_ssize_t = 0;
    let mut is_whole = true;
    read(&mut |piece| {
        let mut rest = piece;
        while !rest.is_empty() {
            let (first, after) = rest.split_at(rest.floor_char_boundary(PIECE));
            let part = string(py, first);
            // SAFETY: both are strings; the one that is written to is new and nobody else has it. The
            // function checks positions and widths, and returns -1 with an error where they do not fit.
            #[allow(unsafe_code)]
            let copied = unsafe { copy(made.as_ptr(), at, part.as_ptr(), 0, ffi::Py_ssize_t::MAX) };
            is_whole &= copied >= 0;
            at += copied.max(0);
            rest = after;
        }
    });
    // An error that is left would show at the next call.
    (PyErr::take(py).is_none() && is_whole && at == count).then_some(made)
}

/// Copied at once, where Python would look at each octet first.
fn of_ascii<'py>(py: Python<'py>, text: &str) -> Option<Bound<'py, PyString>> {
    let len = text.len().try_into().ok()?;
    let (make, _) = filling()?;
    // SAFETY: what comes back is a new string of as many characters that are at most 127, or null with an
    // error. The octets of such a string are its UTF-8, so that Python gives out where they are; nobody
    // else has the string yet.
    #[allow(unsafe_code)]
    unsafe {
        let string = Bound::from_owned_ptr_or_err(py, make(len, 0x7f)).ok()?;
        let mut size = 0;
        let octets = ffi::PyUnicode_AsUTF8AndSize(string.as_ptr(), &mut size);
        if octets.is_null() || size != len {
            return None;
        }
        let octets = octets.cast_mut().cast::<u8>();
        octets.copy_from_nonoverlapping(text.as_ptr(), text.len());
        Some(string.cast_into_unchecked())
    }
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
    kind: c_int,
    data: *const c_void,
    len: ffi::Py_ssize_t,
) -> *mut ffi::PyObject;

/// `PyUnicode_FromKindAndData`, three times as fast as decoding UTF-16.
fn from_kind_and_data() -> Option<FromKindAndData> {
    static FOUND: OnceLock<Option<FromKindAndData>> = OnceLock::new();
    // SAFETY: what has this name in the process is the function of CPython's C API.
    #[allow(unsafe_code)]
    *FOUND.get_or_init(|| unsafe {
        std::mem::transmute::<*mut c_void, Option<FromKindAndData>>(symbol(
            c"PyUnicode_FromKindAndData",
        ))
    })
}

type New = unsafe extern "C" fn(len: ffi::Py_ssize_t, largest: u32) -> *mut ffi::PyObject;

type CopyCharacters = unsafe extern "C" fn(
    to: *mut ffi::PyObject,
    to_start: ffi::Py_ssize_t,
    from: *mut ffi::PyObject,
    from_start: ffi::Py_ssize_t,
    len: ffi::Py_ssize_t,
) -> ffi::Py_ssize_t;

/// `PyUnicode_New` and `PyUnicode_CopyCharacters`.
fn filling() -> Option<(New, CopyCharacters)> {
    static FOUND: OnceLock<Option<(New, CopyCharacters)>> = OnceLock::new();
    // SAFETY: as above.
    #[allow(unsafe_code)]
    *FOUND.get_or_init(|| unsafe {
        let new = std::mem::transmute::<*mut c_void, Option<New>>(symbol(c"PyUnicode_New"));
        let copy = symbol(c"PyUnicode_CopyCharacters");
        new.zip(std::mem::transmute::<*mut c_void, Option<CopyCharacters>>(
            copy,
        ))
    })
}

/// Where a function of CPython's C API is that every version since 3.3 exports, but that is not in the
/// stable ABI: it is looked for and may be absent.
fn symbol(name: &CStr) -> *mut c_void {
    // SAFETY: the name ends with a null.
    #[cfg(unix)]
    #[allow(unsafe_code)]
    unsafe {
        libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr())
    }
    #[cfg(not(unix))]
    {
        let _ = name;
        std::ptr::null_mut()
    }
}
