//! Work that may block, in Node's thread pool.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use napi::bindgen_prelude::{AsyncTask, Buffer};
use napi::{Env, Error, Result, Task};

/// Something that may block.
pub struct Work<T>(Box<dyn FnMut() -> io::Result<T> + Send>);

/// Runs it there.
pub fn work<T>(run: impl FnMut() -> io::Result<T> + Send + 'static) -> AsyncTask<Work<T>>
where
    Work<T>: Task,
{
    AsyncTask::new(Work(Box::new(run)))
}

impl<T> Work<T> {
    pub fn run(&mut self) -> io::Result<T> {
        (self.0)()
    }
}

impl Task for Work<()> {
    type Output = ();
    type JsValue = ();

    fn compute(&mut self) -> Result<()> {
        (self.0)().map_err(failed)
    }

    fn resolve(&mut self, _: Env, (): ()) -> Result<()> {
        Ok(())
    }
}

impl Task for Work<Vec<u8>> {
    type Output = Vec<u8>;
    type JsValue = Buffer;

    fn compute(&mut self) -> Result<Vec<u8>> {
        (self.0)().map_err(failed)
    }

    fn resolve(&mut self, _: Env, octets: Vec<u8>) -> Result<Buffer> {
        Ok(octets.into())
    }
}

/// `ENOENT` in the message tells the face that a message is gone, `EBUSY` that
/// another has the maildrop.
pub fn failed(error: io::Error) -> Error {
    let name = match error.kind() {
        io::ErrorKind::NotFound => "ENOENT: ",
        io::ErrorKind::WouldBlock => "EBUSY: ",
        _ => "",
    };
    Error::from_reason(format!("{name}{error}"))
}

/// What is behind it keeps its promises after a panic too: it is read anew.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
