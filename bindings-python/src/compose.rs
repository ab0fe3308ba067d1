//! A message from its pieces, for `popmail.compose`: setters that convert, and
//! a core that decides what they may hold.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyBytes;

use popmail::mime::compose::{AddressField, Attachment, Draft, Host, Output};

use crate::error::raised;

/// A draft that is being filled.
#[pyclass(module = "popmail._native", name = "Composer")]
pub struct PyComposer {
    draft: Draft,
}

#[pymethods]
impl PyComposer {
    #[new]
    #[pyo3(signature = (output="auto", *, keep_bcc=false))]
    fn new(output: &str, keep_bcc: bool) -> PyResult<Self> {
        let mut draft = Draft::new();
        let known = Output::NAMES.into_iter().find(|(name, _)| *name == output);
        let Some((_, output)) = known else {
            let names = Output::NAMES.map(|(name, _)| name).join("', '");
            return Err(PyValueError::new_err(format!(
                "output must be one of '{names}', got {output:?}"
            )));
        };
        draft.output(output);
        if keep_bcc {
            draft.keep_bcc();
        }
        Ok(Self { draft })
    }

    fn mailbox(
        &mut self,
        py: Python<'_>,
        field: &str,
        name: Option<&str>,
        address: &str,
    ) -> PyResult<()> {
        let done = self.draft.mailbox(address_field(field)?, name, address);
        done.map_err(|error| raised(py, error))
    }

    fn addresses(&mut self, py: Python<'_>, field: &str, list: &str) -> PyResult<()> {
        let done = self.draft.addresses(address_field(field)?, list);
        done.map_err(|error| raised(py, error))
    }

    fn open_group(&mut self, py: Python<'_>, field: &str, name: &str) -> PyResult<()> {
        let done = self.draft.open_group(address_field(field)?, name);
        done.map_err(|error| raised(py, error))
    }

    fn close_group(&mut self, field: &str) -> PyResult<()> {
        self.draft.close_group(address_field(field)?);
        Ok(())
    }

    fn subject(&mut self, py: Python<'_>, subject: &str) -> PyResult<()> {
        let done = self.draft.subject(subject);
        done.map_err(|error| raised(py, error))
    }

    fn date(&mut self, py: Python<'_>, timestamp: i64, offset_minutes: i16) -> PyResult<()> {
        let done = self.draft.date(timestamp, offset_minutes);
        done.map_err(|error| raised(py, error))
    }

    fn message_id(&mut self, py: Python<'_>, id: &str) -> PyResult<()> {
        let done = self.draft.message_id(id);
        done.map_err(|error| raised(py, error))
    }

    fn in_reply_to(&mut self, py: Python<'_>, id: &str) -> PyResult<()> {
        let done = self.draft.in_reply_to(id);
        done.map_err(|error| raised(py, error))
    }

    fn reference(&mut self, py: Python<'_>, id: &str) -> PyResult<()> {
        let done = self.draft.reference(id);
        done.map_err(|error| raised(py, error))
    }

    fn header(&mut self, py: Python<'_>, name: &str, value: &str) -> PyResult<()> {
        let done = self.draft.header(name, value);
        done.map_err(|error| raised(py, error))
    }

    fn text(&mut self, text: &str) {
        self.draft.text(text);
    }

    fn html(&mut self, html: &str) {
        self.draft.html(html);
    }

    #[pyo3(signature = (content, *, content_type=None, filename=None, content_id=None, inline=false, is_text=false))]
    #[allow(clippy::too_many_arguments)] // By keyword.
    fn attach(
        &mut self,
        py: Python<'_>,
        content: PyBackedBytes,
        content_type: Option<String>,
        filename: Option<String>,
        content_id: Option<String>,
        inline: bool,
        is_text: bool,
    ) -> PyResult<()> {
        let done = self.draft.attach(Attachment {
            content: content.to_vec(),
            content_type,
            filename,
            content_id,
            inline,
            is_text,
        });
        done.map_err(|error| raised(py, error))
    }

    fn compose<'py>(
        &self,
        py: Python<'py>,
        now: i64,
        offset_minutes: i16,
        random: [u8; 32],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let host = Host {
            now,
            offset_minutes,
            random,
        };
        let composed = py.detach(|| self.draft.compose(&host));
        let octets = composed.map_err(|error| raised(py, error))?;
        Ok(PyBytes::new(py, &octets))
    }
}

fn address_field(name: &str) -> PyResult<AddressField> {
    let known = AddressField::NAMES.into_iter();
    known
        .filter_map(|(known, field)| (known == name).then_some(field))
        .next()
        .ok_or_else(|| PyValueError::new_err(format!("{name:?} is no field of addresses")))
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyComposer>()
}
