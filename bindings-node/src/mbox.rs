//! Mailbox files in memory that the system maps: a message is copied from there when it is asked for.
//! Where messages are is decided in `popmail::mime::mbox`.

use std::fs::File;

use memmap2::{Mmap, MmapOptions};
use napi::bindgen_prelude::{AsyncTask, Uint8Array};
use napi::{Env, Task};
use napi_derive::napi;
use popmail::mime::mbox;

use crate::error::{Refused, argument};
use crate::work::{Work, failed, work};

/// A mapped file.
#[napi]
pub struct MboxFile(Mmap);

#[napi]
impl MboxFile {
    /// Opens a file in Node's thread pool.
    #[napi(ts_return_type = "Promise<MboxFile>")]
    pub fn open(path: String) -> AsyncTask<Work<Mmap>> {
        work(move || {
            let file = File::open(&path)?;
            let octets = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
            // SAFETY: the octets are only read. Another program that writes to the file may change what is
            // read, as with every map of a file; nothing here relies on two reads giving the same. That it
            // must not be cut users are told.
            #[allow(unsafe_code)]
            unsafe {
                MmapOptions::new().len(octets).map(&file)
            }
        })
    }

    /// Where messages are.
    #[napi]
    pub fn scan(&self, format: String, from: f64, most: f64) -> Result<Vec<f64>, Refused> {
        let found = mbox::scan_numbers(&self.0, &format, from as usize, most as usize);
        found.map_err(|error| argument(error.to_string()))
    }

    /// A copy of the octets between two places.
    #[napi]
    pub fn slice(&self, start: f64, end: f64) -> Uint8Array {
        let octets = self.0.get(start as usize..end as usize);
        octets.unwrap_or_default().to_vec().into()
    }
}

impl Task for Work<Mmap> {
    type Output = Mmap;
    type JsValue = MboxFile;

    fn compute(&mut self) -> napi::Result<Mmap> {
        self.run().map_err(failed)
    }

    fn resolve(&mut self, _: Env, map: Mmap) -> napi::Result<MboxFile> {
        Ok(MboxFile(map))
    }
}
