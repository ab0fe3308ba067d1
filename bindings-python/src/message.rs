//! Messages and their parts as Python objects. What they mean is decided in
//! `popmail::mime`; here values change their type and content its memory.
//!
//! A message holds the Python `bytes` that it was made from and borrows them.
//! Everything else is made when it is asked for; content, text and HTML are
//! kept once made, so that reading them again gives the same object.
//!
//! Long because pyo3 wants every getter of a class in one block: a message and
//! a message inside a part show the same ones.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, OnceLock};

use pyo3::PyTypeInfo;
use pyo3::buffer::PyBuffer;
use pyo3::exceptions::{PyKeyError, PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyByteArray, PyBytes, PyDateTime, PyDelta, PyDict, PyList, PyString, PyTuple, PyTzInfo,
};

use popmail::mime::details::{self, ThreadItem, Unit};
use popmail::mime::{
    self, AddressList, CharsetGuess, DateTime, Duplicates, MessageView, MimeLimits, ParseOptions,
};

use crate::views::PyView;
use crate::{legacy, parallel, text};

type CoreMessage<'m> = mime::Message<'m>;

/// The octets of a message: Python's, or those of a file.
pub enum Octets {
    Python(PyBackedBytes),
    Mapped(Arc<memmap2::Mmap>, std::ops::Range<usize>),
}

impl std::ops::Deref for Octets {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Octets::Python(bytes) => bytes,
            Octets::Mapped(map, range) => map.get(range.clone()).unwrap_or_default(),
        }
    }
}

self_cell::self_cell!(
    struct Parsed {
        owner: Octets,
        #[covariant]
        dependent: CoreMessage,
    }
);

/// Input of this size is worth letting other threads run meanwhile.
const LARGE: usize = 1 << 20;

/// What a message, its parts and its headers share.
struct Shared {
    parsed: Parsed,
    /// How it was parsed, if not as usual.
    options: Option<ParseOptions>,
    /// The decoded content of each part, once read.
    contents: OnceLock<Box<[PyOnceLock<Py<PyBytes>>]>>,
    /// The octets of a mapped message as Python's, once asked for.
    raw: PyOnceLock<Py<PyBytes>>,
}

impl Shared {
    fn message(&self) -> &mime::Message<'_> {
        self.parsed.borrow_dependent()
    }

    fn part(&self, index: u32) -> mime::Part<'_> {
        let message = self.message();
        // Only numbers that the message gave out come here.
        message.part(index).unwrap_or_else(|| message.root())
    }
}

/// Parse a message. Never fails on content: what is wrong is told by `defects`.
#[pyfunction]
#[pyo3(signature = (raw, /, *, duplicates=None, limits=None))]
fn parse(
    raw: &Bound<'_, PyAny>,
    duplicates: Option<&str>,
    limits: Option<&PyMimeLimits>,
) -> PyResult<PyMessage> {
    let py = raw.py();
    let owner = backed(raw, "parse()")?;
    let options = match (duplicates, limits) {
        (None, None) => None,
        _ => Some(ParseOptions {
            duplicates: match duplicates {
                None | Some("first") => Duplicates::First,
                Some("last") => Duplicates::Last,
                Some(other) => {
                    let expected = "duplicates is \"first\" or \"last\"";
                    return Err(PyValueError::new_err(format!("{expected}, not {other:?}")));
                }
            },
            limits: limits.map(|limits| limits.limits).unwrap_or_default(),
        }),
    };
    let owner = Octets::Python(owner);
    Ok(if raw.len().unwrap_or_default() >= LARGE {
        py.detach(|| PyMessage::of(owner, options))
    } else {
        PyMessage::of(owner, options)
    })
}

/// Parse many messages, on several threads.
#[pyfunction]
#[pyo3(signature = (items, threads=None))]
fn parse_many(items: &Bound<'_, PyAny>, threads: Option<usize>) -> PyResult<Vec<PyMessage>> {
    let threads = parallel::wanted(threads)?;
    let owners = items.try_iter()?;
    let owners = owners.map(|item| Ok(Octets::Python(backed(&item?, "parse_many()")?)));
    let owners = owners.collect::<PyResult<Vec<_>>>()?;
    let length = parallel::piece(owners.len(), threads);
    let mut owners = owners.into_iter();
    let mut pieces = Vec::new();
    while !owners.as_slice().is_empty() {
        pieces.push(owners.by_ref().take(length).collect::<Vec<_>>());
    }
    let parse = |piece: Vec<Octets>| {
        let messages = piece.into_iter().map(|owner| PyMessage::of(owner, None));
        messages.collect::<Vec<_>>()
    };
    let parsed = items
        .py()
        .detach(|| parallel::in_order(pieces, threads, parse));
    Ok(parsed.into_iter().flatten().collect())
}

/// The octets of an object: those of `bytes` themselves, of anything else that
/// may change a copy.
pub fn backed(raw: &Bound<'_, PyAny>, taker: &str) -> PyResult<PyBackedBytes> {
    if let Ok(bytes) = raw.cast::<PyBytes>() {
        return Ok(bytes.clone().into());
    }
    if let Ok(bytes) = raw.cast::<PyByteArray>() {
        return Ok(bytes.clone().into());
    }
    let buffer = PyBuffer::<u8>::get(raw).map_err(|_| {
        let found = raw
            .get_type()
            .name()
            .map(|name| name.to_string())
            .unwrap_or_default();
        let expected = "takes bytes, bytearray, memoryview or mmap of octets";
        PyTypeError::new_err(format!("{taker} {expected}, not {found}"))
    })?;
    Ok(PyBytes::new(raw.py(), &buffer.to_vec(raw.py())?).into())
}

/// A parsed message.
#[pyclass(frozen, module = "popmail", name = "Message")]
pub struct PyMessage {
    shared: Arc<Shared>,
    /// The number of the part that holds this message, `None` for the outermost.
    container: Option<u32>,
    text: PyOnceLock<Option<Py<PyString>>>,
    html: PyOnceLock<Option<Py<PyString>>>,
    details: PyOnceLock<Py<PyAny>>,
}

impl PyMessage {
    /// The message in these octets.
    pub fn of(octets: Octets, options: Option<ParseOptions>) -> Self {
        let parsed = Parsed::new(octets, |octets| match &options {
            Some(options) => mime::parse_with(octets, options),
            None => mime::parse(octets),
        });
        let shared = Shared {
            parsed,
            options,
            contents: OnceLock::new(),
            raw: PyOnceLock::new(),
        };
        PyMessage::new(Arc::new(shared), None)
    }

    fn new(shared: Arc<Shared>, container: Option<u32>) -> Self {
        PyMessage {
            shared,
            container,
            text: PyOnceLock::new(),
            html: PyOnceLock::new(),
            details: PyOnceLock::new(),
        }
    }

    /// What the message says.
    pub fn view(&self) -> MessageView<'_> {
        let message = self.shared.message();
        let inner = self
            .container
            .and_then(|index| message.part(index)?.message());
        inner.unwrap_or_else(|| message.view())
    }

    fn wrap(&self, part: mime::Part<'_>) -> PyPart {
        PyPart {
            shared: Arc::clone(&self.shared),
            index: part.index(),
        }
    }
}

/// New `bytes` of a size that `write` fills, and what it returns. They are not cleared first: for an
/// attachment that takes a tenth of the time that decoding takes.
///
/// `write` must not read what it has not written, and where it writes less than all of it the object
/// must be dropped.
fn bytes_with<R>(
    py: Python<'_>,
    size: usize,
    write: impl FnOnce(&mut [u8]) -> R,
) -> PyResult<(Bound<'_, PyBytes>, R)> {
    let length = size.try_into()?;
    // SAFETY: the object is new, nobody else has it, and its octets are as many as were asked for. Any
    // value that they hold is one; none is looked at before it is written.
    #[allow(unsafe_code)]
    unsafe {
        let made = ffi::PyBytes_FromStringAndSize(std::ptr::null(), length);
        let bytes = Bound::from_owned_ptr_or_err(py, made)?.cast_into_unchecked();
        let octets = ffi::PyBytes_AsString(made).cast::<u8>();
        let written = write(std::slice::from_raw_parts_mut(octets, size));
        Ok((bytes, written))
    }
}

/// The text in a cell, made if it is not there yet.
///
/// Two threads that come at once may both make it, and both get the one that is kept. To wait for each other
/// they would have to let go of the interpreter, which takes longer than a short text.
fn texts<'py>(
    py: Python<'py>,
    cell: &'py PyOnceLock<Option<Py<PyString>>>,
    make: impl FnOnce() -> Option<Bound<'py, PyString>>,
) -> Option<Bound<'py, PyString>> {
    if cell.get(py).is_none() {
        // An error says that another thread was faster.
        let _ = cell.set(py, make().map(Bound::unbind));
    }
    Some(cell.get(py)?.as_ref()?.bind(py).clone())
}

#[pymethods]
impl PyMessage {
    #[getter]
    fn subject(&self) -> Option<std::borrow::Cow<'_, str>> {
        self.view().subject()
    }

    #[getter]
    fn from_<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        people(py, &self.view().from())
    }

    #[getter]
    fn sender(&self, py: Python<'_>) -> Option<PyAddress> {
        let list = self.view().headers().get("Sender")?.addresses();
        let mut groups = list.groups().into_iter();
        let group = groups.find(|group| !group.addresses().is_empty())?;
        let name = group.name().map(|name| PyString::new(py, name).unbind());
        Some(PyAddress::of(py, group.addresses().first()?, name.as_ref()))
    }

    #[getter]
    fn to<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        people(py, &self.view().to())
    }

    #[getter]
    fn cc<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        people(py, &self.view().cc())
    }

    #[getter]
    fn bcc<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        people(py, &self.view().bcc())
    }

    #[getter]
    fn reply_to<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        people(py, &self.view().reply_to())
    }

    #[getter]
    fn date<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.view()
            .date()
            .map(|date| datetime(py, date))
            .transpose()
    }

    #[getter]
    fn message_id(&self) -> Option<std::borrow::Cow<'_, str>> {
        self.view().message_id()
    }

    #[getter]
    fn in_reply_to(&self) -> Vec<std::borrow::Cow<'_, str>> {
        self.view().in_reply_to()
    }

    #[getter]
    fn references(&self) -> Vec<std::borrow::Cow<'_, str>> {
        self.view().references()
    }

    #[getter]
    fn text<'py>(slf: &'py Bound<'py, Self>) -> Option<Bound<'py, PyString>> {
        let this = slf.get();
        texts(slf.py(), &this.text, || {
            let view = this.view();
            if view.has_long_text() {
                return text::in_pieces(slf.py(), &|each| view.text_in_pieces(each));
            }
            view.with_text(|text| text.map(|text| text::string(slf.py(), text)))
        })
    }

    #[getter]
    fn html<'py>(slf: &'py Bound<'py, Self>) -> Option<Bound<'py, PyString>> {
        let this = slf.get();
        texts(slf.py(), &this.html, || {
            let view = this.view();
            if view.has_long_html() {
                return text::in_pieces(slf.py(), &|each| view.html_in_pieces(each));
            }
            view.with_html(|html| html.map(|html| text::string(slf.py(), html)))
        })
    }

    fn html_with_inline(&self) -> Option<std::borrow::Cow<'_, str>> {
        self.view().html_with_inline()
    }

    #[pyo3(signature = (resolve, /))]
    fn html_with<'py>(
        &self,
        resolve: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyString>>> {
        let mut failed = None;
        let html = self.view().html_with(&mut |part| {
            if failed.is_some() {
                return None;
            }
            let url = resolve
                .call1((self.wrap(part),))
                .and_then(|url| url.extract::<Option<String>>());
            url.unwrap_or_else(|error| {
                failed = Some(error);
                None
            })
        });
        match failed {
            Some(error) => Err(error),
            None => Ok(html.map(|html| PyString::new(resolve.py(), &html))),
        }
    }

    #[getter]
    fn unwrapped_text(&self) -> Option<std::borrow::Cow<'_, str>> {
        self.view().unwrapped_text()
    }

    #[getter]
    fn own_text(&self) -> Option<String> {
        self.view().own_text()
    }

    fn details_json(&self) -> String {
        self.view().details().to_json()
    }

    #[getter]
    fn details<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let make = || -> PyResult<Py<PyAny>> {
            let json = self.view().details().to_json();
            let make = py.import("popmail.details")?.getattr("from_json")?;
            Ok(make.call1((json,))?.unbind())
        };
        Ok(self.details.get_or_try_init(py, make)?.bind(py).clone())
    }

    #[getter]
    fn preview(&self) -> String {
        self.view().preview()
    }

    #[getter]
    fn attachments(&self) -> Vec<PyPart> {
        self.view()
            .attachments()
            .into_iter()
            .map(|part| self.wrap(part))
            .collect()
    }

    #[getter]
    fn inline(&self) -> Vec<PyPart> {
        self.view()
            .inline_parts()
            .into_iter()
            .map(|part| self.wrap(part))
            .collect()
    }

    #[getter]
    fn parts(&self) -> Vec<PyPart> {
        self.view()
            .parts()
            .into_iter()
            .map(|part| self.wrap(part))
            .collect()
    }

    #[getter]
    fn root(&self) -> PyPart {
        self.wrap(self.view().root())
    }

    #[getter]
    fn headers(&self) -> PyHeaders {
        PyHeaders {
            shared: Arc::clone(&self.shared),
            index: self.view().root().index(),
        }
    }

    #[getter]
    fn defects(&self) -> Vec<PyDefect> {
        self.view()
            .defects()
            .into_iter()
            .map(PyDefect::of)
            .collect()
    }

    #[getter]
    fn markdown(&self) -> Option<String> {
        self.view().markdown()
    }

    fn views(slf: &Bound<'_, Self>) -> Vec<PyView> {
        let this = slf.get();
        let options = this.shared.options;
        let views = this.view().views().into_iter();
        let view = |view| PyView::new(slf.clone().unbind(), view, options);
        views.map(view).collect()
    }

    #[getter]
    fn raw<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self.container {
            None => match self.shared.parsed.borrow_owner() {
                Octets::Python(bytes) => Ok(bytes.into_pyobject(py)?.into_any()),
                Octets::Mapped(..) => {
                    let make = || PyBytes::new(py, self.view().raw()).unbind();
                    Ok(self
                        .shared
                        .raw
                        .get_or_init(py, make)
                        .bind(py)
                        .clone()
                        .into_any())
                }
            },
            Some(_) => Ok(PyBytes::new(py, self.view().raw()).into_any()),
        }
    }

    #[pyo3(signature = (cid, /))]
    fn part_by_content_id(&self, cid: &str) -> Option<PyPart> {
        self.view()
            .part_by_content_id(cid)
            .map(|part| self.wrap(part))
    }

    fn embedded_files<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        legacy::files(py, py.detach(|| self.view().embedded_files()))
    }

    fn to_json(&self) -> String {
        self.view().to_json()
    }

    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("json")?
            .call_method1("loads", (self.view().to_json(),))
    }

    fn as_email<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let module = py.import("popmail._email")?;
        module.call_method1("as_email", (self.raw(py)?,))
    }

    fn tree(&self) -> String {
        self.view().tree()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let view = self.view();
        let from = view
            .from()
            .first()
            .map(|author| author.address().to_owned());
        Ok(format!(
            "<Message subject={} from={} octets={}>",
            quoted(py, view.subject().as_deref())?,
            quoted(py, from.as_deref())?,
            view.raw().len()
        ))
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        let Ok(other) = other.cast::<Self>() else {
            return false;
        };
        self.view().raw() == other.get().view().raw()
    }

    fn __hash__(&self) -> u64 {
        hash(&self.view().raw())
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let native = py.import("popmail._native")?;
        let raw = self.raw(py)?;
        match &self.shared.options {
            None => (native.getattr("parse")?, (raw,)).into_pyobject(py),
            Some(options) => {
                let is_last = options.duplicates == Duplicates::Last;
                let limits = PyMimeLimits {
                    limits: options.limits,
                };
                let parse = native.getattr("_parse_as")?;
                (parse, (raw, is_last, limits)).into_pyobject(py)
            }
        }
    }
}

/// One part of a message.
#[pyclass(frozen, module = "popmail", name = "Part")]
pub struct PyPart {
    shared: Arc<Shared>,
    index: u32,
}

impl PyPart {
    fn part(&self) -> mime::Part<'_> {
        self.shared.part(self.index)
    }
}

#[pymethods]
impl PyPart {
    #[getter]
    fn index(&self) -> u32 {
        self.index
    }

    #[getter]
    fn content_type(&self) -> std::borrow::Cow<'_, str> {
        self.part().content_type()
    }

    #[pyo3(signature = (name, /))]
    fn parameter(&self, name: &str) -> Option<&str> {
        self.part().parameter(&name.to_ascii_lowercase())
    }

    #[getter]
    fn charset(&self) -> Option<&str> {
        self.part().charset()
    }

    #[getter]
    fn disposition(&self) -> Option<&str> {
        self.part().disposition()
    }

    #[getter]
    fn filename(&self) -> Option<std::borrow::Cow<'_, str>> {
        self.part().filename()
    }

    #[getter]
    fn safe_filename(&self) -> String {
        self.part().safe_filename()
    }

    #[getter]
    fn content_id(&self) -> Option<std::borrow::Cow<'_, str>> {
        self.part().content_id()
    }

    #[getter]
    fn transfer_encoding(&self) -> std::borrow::Cow<'_, str> {
        self.part().transfer_encoding()
    }

    #[getter]
    fn size(&self) -> u64 {
        self.part().size()
    }

    #[getter]
    fn content<'py>(slf: &'py Bound<'py, Self>) -> PyResult<Bound<'py, PyBytes>> {
        let (py, this) = (slf.py(), slf.get());
        let contents = this.shared.contents.get_or_init(|| {
            let count = this.shared.message().parts().len();
            std::iter::repeat_with(PyOnceLock::new)
                .take(count)
                .collect()
        });
        let decode = || -> PyResult<Bound<'py, PyBytes>> {
            let part = this.part();
            // Decoded where Python keeps it, if its size can be told without decoding.
            let size = part.size_hint();
            let (content, written) = bytes_with(py, size, |to| match size {
                ..LARGE => part.decode_into_slice(to),
                _ => py.detach(|| part.decode_into_slice(to)),
            })?;
            if written == Some(size) {
                Ok(content)
            } else {
                Ok(PyBytes::new(py, &part.content()))
            }
        };
        let Some(cell) = contents.get(this.index as usize) else {
            return decode();
        };
        let content = cell.get_or_try_init(py, || decode().map(Bound::unbind))?;
        Ok(content.bind(py).clone())
    }

    #[getter]
    fn text<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyString>> {
        let part = self.part();
        if part.has_long_text() {
            return text::in_pieces(py, &|each| part.text_in_pieces(each));
        }
        Some(text::string(py, &part.text()?))
    }

    #[getter]
    fn unwrapped_text(&self) -> Option<std::borrow::Cow<'_, str>> {
        self.part().unwrapped_text()
    }

    #[getter]
    fn range(&self) -> Option<(usize, usize)> {
        let range = self.part().range()?;
        Some((range.start, range.end))
    }

    #[getter]
    fn charset_guess<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(guess) = self.part().charset_guess() else {
            return Ok(None);
        };
        let CharsetGuess {
            charset,
            evidence,
            confident,
        } = guess;
        let class = py.import("popmail.details")?.getattr("CharsetGuess")?;
        let fields = (self.index, py.None(), charset, evidence.as_str(), confident);
        class.call1(fields).map(Some)
    }

    fn signed_content<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        let content = self.part().signed_content()?;
        Some(PyBytes::new(py, &content))
    }

    #[getter]
    fn children(&self) -> Vec<PyPart> {
        let wrap = |part: mime::Part<'_>| PyPart {
            shared: Arc::clone(&self.shared),
            index: part.index(),
        };
        self.part().children().map(wrap).collect()
    }

    #[getter]
    fn message(&self) -> Option<PyMessage> {
        self.part().message()?;
        Some(PyMessage::new(Arc::clone(&self.shared), Some(self.index)))
    }

    #[getter]
    fn headers(&self) -> PyHeaders {
        PyHeaders {
            shared: Arc::clone(&self.shared),
            index: self.index,
        }
    }

    fn embedded_files<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        legacy::files(py, self.part().embedded_files())
    }

    fn tnef(&self, py: Python<'_>) -> PyResult<Option<legacy::PyTnef>> {
        let found = self.part().tnef();
        found.map(|found| legacy::tnef(py, found)).transpose()
    }

    #[getter]
    fn raw<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, self.part().raw())
    }

    #[getter]
    fn is_attachment(&self) -> bool {
        self.part().is_attachment()
    }

    #[getter]
    fn is_inline(&self) -> bool {
        self.part().is_inline()
    }

    #[getter]
    fn is_multipart(&self) -> bool {
        self.part().is_multipart()
    }

    #[pyo3(signature = (folder, /))]
    fn save<'py>(
        slf: &Bound<'py, Self>,
        folder: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let save = slf.py().import("popmail.message")?.getattr("save")?;
        save.call1((slf, folder))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let part = self.part();
        Ok(format!(
            "<Part index={} content_type={} filename={} size={}>",
            self.index,
            quoted(py, Some(&part.content_type()))?,
            quoted(py, part.filename().as_deref())?,
            part.size()
        ))
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        let Ok(other) = other.cast::<Self>() else {
            return false;
        };
        let other = other.get();
        self.index == other.index
            && (Arc::ptr_eq(&self.shared, &other.shared)
                || self.shared.message().raw() == other.shared.message().raw())
    }

    fn __hash__(&self) -> u64 {
        hash(&(self.index, self.part().raw().len()))
    }
}

/// The header fields of a message or part, in the order they were written.
#[pyclass(frozen, mapping, module = "popmail", name = "Headers")]
pub struct PyHeaders {
    shared: Arc<Shared>,
    index: u32,
}

impl PyHeaders {
    fn headers(&self) -> mime::Headers<'_> {
        self.shared.part(self.index).headers()
    }
}

#[pymethods]
impl PyHeaders {
    fn __len__(&self) -> usize {
        self.headers().len()
    }

    fn __contains__(&self, name: &Bound<'_, PyAny>) -> bool {
        let name = name.extract::<std::borrow::Cow<'_, str>>();
        name.is_ok_and(|name| self.headers().get(&name).is_some())
    }

    fn __getitem__(&self, name: &str) -> PyResult<std::borrow::Cow<'_, str>> {
        let field = self.headers().get(name);
        field
            .map(|field| field.value())
            .ok_or_else(|| PyKeyError::new_err(name.to_owned()))
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(PyList::new(py, self.keys())?.try_iter()?.into_any())
    }

    #[pyo3(signature = (name, default=None, /))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        default: Option<Bound<'py, PyAny>>,
    ) -> Option<Bound<'py, PyAny>> {
        let field = self.headers().get(name);
        field
            .map(|field| PyString::new(py, &field.value()).into_any())
            .or(default)
    }

    #[pyo3(signature = (name, /))]
    fn get_all(&self, name: &str) -> Vec<std::borrow::Cow<'_, str>> {
        self.headers()
            .get_all(name)
            .map(|field| field.value())
            .collect()
    }

    #[pyo3(signature = (name, /))]
    fn addresses<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyList>> {
        let field = self.headers().get(name);
        let list = field.map(|field| field.addresses()).unwrap_or_default();
        people(py, &list)
    }

    #[pyo3(signature = (name, /))]
    fn address_groups<'py>(
        &self,
        py: Python<'py>,
        name: &str,
    ) -> PyResult<Vec<(Option<String>, Bound<'py, PyList>)>> {
        let field = self.headers().get(name);
        let list = field.map(|field| field.addresses()).unwrap_or_default();
        let groups = list.groups();
        let group = |group: &mime::AddressGroup<'_, '_>| {
            let people = PyList::empty(py);
            add_members(&people, group)?;
            Ok((group.name().map(str::to_owned), people))
        };
        groups.iter().map(group).collect()
    }

    fn keys(&self) -> Vec<std::borrow::Cow<'_, str>> {
        self.headers().iter().map(|field| field.name()).collect()
    }

    fn values(&self) -> Vec<std::borrow::Cow<'_, str>> {
        self.headers().iter().map(|field| field.value()).collect()
    }

    fn items(&self) -> Vec<(std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)> {
        self.headers()
            .iter()
            .map(|field| (field.name(), field.value()))
            .collect()
    }

    fn raw_items<'py>(&self, py: Python<'py>) -> Vec<(String, Bound<'py, PyBytes>)> {
        let item = |field: mime::Header<'_>| {
            (
                field.name().into_owned(),
                PyBytes::new(py, field.raw_value()),
            )
        };
        self.headers().iter().map(item).collect()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!(
            "Headers({})",
            self.items().into_pyobject(py)?.repr()?
        ))
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        let Ok(other) = other.cast::<Self>() else {
            return false;
        };
        let (mine, theirs) = (self.headers(), other.get().headers());
        let pair =
            |field: mime::Header<'_>| (field.name().into_owned(), field.raw_value().to_vec());
        mine.iter().map(pair).eq(theirs.iter().map(pair))
    }
}

/// A mailbox: an address and the name that is shown for it.
///
/// Its texts are Python's, so that the members of a group share the name of it: a long name and many
/// members would take quadratic time and memory.
#[pyclass(frozen, module = "popmail", name = "Address")]
pub struct PyAddress {
    #[pyo3(get)]
    name: Option<Py<PyString>>,
    #[pyo3(get)]
    address: Py<PyString>,
    #[pyo3(get)]
    group: Option<Py<PyString>>,
}

impl PyAddress {
    fn of(py: Python<'_>, address: &mime::Address<'_>, group: Option<&Py<PyString>>) -> Self {
        let text = |text| PyString::new(py, text).unbind();
        PyAddress {
            name: address.name().map(text),
            address: text(address.address()),
            group: group.map(|group| group.clone_ref(py)),
        }
    }

    fn texts<'t>(&'t self, py: Python<'t>) -> (Option<&'t str>, &'t str, Option<&'t str>) {
        // They were made of text, so that reading them cannot fail.
        let text = |text: &'t Py<PyString>| text.to_str(py).unwrap_or_default();
        (
            self.name.as_ref().map(text),
            text(&self.address),
            self.group.as_ref().map(text),
        )
    }
}

/// The mailboxes of a list, each with the name of its group.
fn people<'py>(py: Python<'py>, list: &AddressList<'_>) -> PyResult<Bound<'py, PyList>> {
    if !list.has_groups() {
        return PyList::new(py, list.iter().map(|one| PyAddress::of(py, one, None)));
    }
    let people = PyList::empty(py);
    for group in list.groups() {
        add_members(&people, &group)?;
    }
    Ok(people)
}

fn add_members(people: &Bound<'_, PyList>, group: &mime::AddressGroup<'_, '_>) -> PyResult<()> {
    let py = people.py();
    let name = group.name().map(|name| PyString::new(py, name).unbind());
    let mut members = group.addresses().iter();
    members.try_for_each(|one| people.append(PyAddress::of(py, one, name.as_ref())))
}

#[pymethods]
impl PyAddress {
    #[new]
    #[pyo3(signature = (name, address, group=None))]
    fn new(py: Python<'_>, name: Option<&str>, address: &str, group: Option<&str>) -> Self {
        let text = |text| PyString::new(py, text).unbind();
        PyAddress {
            name: name.map(text),
            address: text(address),
            group: group.map(text),
        }
    }

    #[classattr]
    fn __match_args__() -> (&'static str, &'static str, &'static str) {
        ("name", "address", "group")
    }

    fn __str__(&self, py: Python<'_>) -> String {
        match self.texts(py) {
            (Some(name), address, _) => format!("{name} <{address}>"),
            (None, address, _) => address.to_owned(),
        }
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let (name, address, group) = self.texts(py);
        let (name, address) = (quoted(py, name)?, quoted(py, Some(address))?);
        Ok(match group {
            None => format!("Address({name}, {address})"),
            Some(_) => format!("Address({name}, {address}, group={})", quoted(py, group)?),
        })
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> bool {
        let other = other.cast::<Self>();
        other.is_ok_and(|other| self.texts(py) == other.get().texts(py))
    }

    fn __hash__(&self, py: Python<'_>) -> u64 {
        hash(&self.texts(py))
    }

    fn __getnewargs__(
        &self,
        py: Python<'_>,
    ) -> (Option<Py<PyString>>, Py<PyString>, Option<Py<PyString>>) {
        let share = |text: &Option<Py<PyString>>| text.as_ref().map(|text| text.clone_ref(py));
        (
            share(&self.name),
            self.address.clone_ref(py),
            share(&self.group),
        )
    }
}

/// One thing that is wrong with a message.
#[pyclass(frozen, eq, hash, module = "popmail", name = "Defect")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PyDefect {
    #[pyo3(get)]
    code: String,
    #[pyo3(get)]
    severity: String,
    #[pyo3(get)]
    part: u32,
    #[pyo3(get)]
    range: Option<(usize, usize)>,
}

impl PyDefect {
    fn of(defect: mime::Defect) -> Self {
        PyDefect {
            code: defect.code.as_str().to_owned(),
            severity: defect.severity().as_str().to_owned(),
            part: defect.part,
            range: defect.range.map(|range| (range.start, range.end)),
        }
    }
}

#[pymethods]
impl PyDefect {
    #[new]
    #[pyo3(signature = (code, severity, part, range=None))]
    fn new(code: String, severity: String, part: u32, range: Option<(usize, usize)>) -> Self {
        PyDefect {
            code,
            severity,
            part,
            range,
        }
    }

    fn __str__(&self) -> String {
        let place = match self.range {
            Some((start, end)) => format!(", octets {start} to {end}"),
            None => String::new(),
        };
        format!(
            "{} ({}) in part {}{place}",
            self.code, self.severity, self.part
        )
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let range = self.range.into_pyobject(py)?.repr()?;
        let (code, severity) = (
            quoted(py, Some(&self.code))?,
            quoted(py, Some(&self.severity))?,
        );
        Ok(format!(
            "Defect({code}, {severity}, part={}, range={range})",
            self.part
        ))
    }

    fn __getnewargs__(&self) -> (String, String, u32, Option<(usize, usize)>) {
        (
            self.code.clone(),
            self.severity.clone(),
            self.part,
            self.range,
        )
    }
}

/// How much of a message is looked at.
#[pyclass(frozen, eq, hash, module = "popmail", name = "MimeLimits")]
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct PyMimeLimits {
    limits: MimeLimits,
}

#[pymethods]
impl PyMimeLimits {
    #[new]
    #[pyo3(signature = (*, header_bytes=None, headers=None, parts=None, depth=None, nested_encodings=None, decoded_bytes=None))]
    fn new(
        header_bytes: Option<usize>,
        headers: Option<usize>,
        parts: Option<usize>,
        depth: Option<usize>,
        nested_encodings: Option<usize>,
        decoded_bytes: Option<usize>,
    ) -> Self {
        let usual = MimeLimits::default();
        PyMimeLimits {
            limits: MimeLimits {
                header_bytes: header_bytes.unwrap_or(usual.header_bytes),
                headers: headers.unwrap_or(usual.headers),
                parts: parts.unwrap_or(usual.parts),
                depth: depth.unwrap_or(usual.depth),
                nested_encodings: nested_encodings.unwrap_or(usual.nested_encodings),
                decoded_bytes: decoded_bytes.unwrap_or(usual.decoded_bytes),
            },
        }
    }

    #[getter]
    fn header_bytes(&self) -> usize {
        self.limits.header_bytes
    }

    #[getter]
    fn headers(&self) -> usize {
        self.limits.headers
    }

    #[getter]
    fn parts(&self) -> usize {
        self.limits.parts
    }

    #[getter]
    fn depth(&self) -> usize {
        self.limits.depth
    }

    #[getter]
    fn nested_encodings(&self) -> usize {
        self.limits.nested_encodings
    }

    #[getter]
    fn decoded_bytes(&self) -> usize {
        self.limits.decoded_bytes
    }

    fn __repr__(&self) -> String {
        let MimeLimits {
            header_bytes,
            headers,
            parts,
            depth,
            nested_encodings,
            decoded_bytes,
        } = self.limits;
        format!(
            "MimeLimits(header_bytes={header_bytes}, headers={headers}, parts={parts}, \
             depth={depth}, nested_encodings={nested_encodings}, decoded_bytes={decoded_bytes})"
        )
    }

    fn __getnewargs_ex__<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
        let named = PyDict::new(py);
        named.set_item("header_bytes", self.limits.header_bytes)?;
        named.set_item("headers", self.limits.headers)?;
        named.set_item("parts", self.limits.parts)?;
        named.set_item("depth", self.limits.depth)?;
        named.set_item("nested_encodings", self.limits.nested_encodings)?;
        named.set_item("decoded_bytes", self.limits.decoded_bytes)?;
        Ok((PyTuple::empty(py), named))
    }
}

/// What a pickled message is made of again that was not parsed as usual.
#[pyfunction]
#[pyo3(name = "_parse_as", signature = (raw, is_last, limits, /))]
fn parse_as(raw: &Bound<'_, PyAny>, is_last: bool, limits: &PyMimeLimits) -> PyResult<PyMessage> {
    parse(raw, is_last.then_some("last"), Some(limits))
}

/// The spans of a text: kind, depth, start and end in characters.
#[pyfunction]
#[pyo3(signature = (text, /))]
fn text_spans<'py>(py: Python<'py>, text: &str) -> PyResult<Vec<Bound<'py, PyAny>>> {
    let class = py.import("popmail.details")?.getattr("Span")?;
    let span = |span: details::Span| {
        class.call1((
            span.kind.as_str(),
            span.depth,
            span.range.start,
            span.range.end,
        ))
    };
    details::spans(text, Unit::Char)
        .into_iter()
        .map(span)
        .collect()
}

/// The threads of messages: depth, and which of them or none.
#[pyfunction]
#[pyo3(name = "thread_entries", signature = (messages, /))]
fn threads(messages: Vec<Bound<'_, PyMessage>>) -> Vec<(u32, Option<usize>)> {
    let item = |message: &Bound<'_, PyMessage>| ThreadItem::from(message.get().view());
    let items: Vec<_> = messages.iter().map(item).collect();
    details::threads(&items)
        .into_iter()
        .map(|entry| (entry.depth, entry.item))
        .collect()
}

/// A name made safe for any folder of any system.
#[pyfunction]
#[pyo3(signature = (name, content_type, index, /))]
fn safe_filename(name: &str, content_type: &str, index: u32) -> String {
    mime::file_name::safe(name, content_type, index)
}

/// A name with a number before its extension.
#[pyfunction]
#[pyo3(signature = (name, number, /))]
fn numbered_filename(name: &str, number: u32) -> String {
    mime::file_name::numbered(name, number)
}

/// Made of the ten octets that a pickled `datetime` is, whose form cannot change: in the stable ABI there is
/// no faster way, and from seven numbers it takes as long again as all the reading of the field. Python does
/// not check them; the core has.
fn datetime(py: Python<'_>, date: DateTime) -> PyResult<Bound<'_, PyAny>> {
    let [century, year] = date.year.to_be_bytes();
    let (month, day) = (date.month, date.day);
    let (hour, minute, second) = (date.hour, date.minute, date.second);
    let state = [century, year, month, day, hour, minute, second, 0, 0, 0];
    let class = PyDateTime::type_object(py);
    class.call1((PyBytes::new(py, &state), zone(py, date.offset_minutes)?))
}

/// The zone that is so many minutes from UTC; those of whole quarters of an
/// hour are made once.
fn zone(py: Python<'_>, minutes: i16) -> PyResult<Bound<'_, PyTzInfo>> {
    const QUARTERS: usize = 2 * 24 * 4 + 1;
    static ZONES: [PyOnceLock<Py<PyTzInfo>>; QUARTERS] = [const { PyOnceLock::new() }; QUARTERS];
    let make = || match minutes {
        0 => Ok(PyTzInfo::utc(py)?.to_owned()),
        _ => PyTzInfo::fixed_offset(py, PyDelta::new(py, 0, i32::from(minutes) * 60, 0, true)?),
    };
    let quarter = usize::try_from(minutes / 15 + 24 * 4)
        .ok()
        .filter(|_| minutes % 15 == 0);
    match quarter.and_then(|quarter| ZONES.get(quarter)) {
        Some(cell) => Ok(cell
            .get_or_try_init(py, || make().map(Bound::unbind))?
            .bind(py)
            .clone()),
        None => make(),
    }
}

/// The text as Python shows it in a `repr`.
fn quoted(py: Python<'_>, text: Option<&str>) -> PyResult<String> {
    match text {
        Some(text) => Ok(PyString::new(py, text).repr()?.to_string()),
        None => Ok("None".to_owned()),
    }
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(parse, module)?)?;
    module.add_function(wrap_pyfunction!(parse_many, module)?)?;
    module.add_function(wrap_pyfunction!(safe_filename, module)?)?;
    module.add_function(wrap_pyfunction!(numbered_filename, module)?)?;
    module.add_function(wrap_pyfunction!(parse_as, module)?)?;
    module.add_function(wrap_pyfunction!(text_spans, module)?)?;
    module.add_function(wrap_pyfunction!(threads, module)?)?;
    module.add_class::<PyMimeLimits>()?;
    module.add_class::<PyMessage>()?;
    module.add_class::<PyPart>()?;
    module.add_class::<PyHeaders>()?;
    module.add_class::<PyAddress>()?;
    module.add_class::<PyDefect>()
}
