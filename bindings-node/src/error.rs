//! Errors of the core as plain objects and as thrown `Error`s with a `code`;
//! the face makes its `Pop3Error` of both.

use napi::bindgen_prelude::*;
use napi::{Env, Error};
use popmail::{ErrorCode, UsageError};

use crate::convert::object;

/// What a call that is refused throws: `code` and `message`.
pub type Refused = Error<&'static str>;

pub fn refused(error: &UsageError) -> Refused {
    Error::new(error.code().as_str(), error.to_string())
}

/// An argument that cannot be: the same code as the core's.
pub fn argument(message: String) -> Refused {
    Error::new(ErrorCode::UsageArgument.as_str(), message)
}

/// An error that an event tells.
pub fn describe<'env>(env: &'env Env, error: &popmail::Error) -> Result<Object<'env>> {
    let mut described = object!(env, {
        c"code": error.code().as_str(),
        c"message": error.to_string(),
    });
    if let Some(reply) = error.reply() {
        described.set_c_named_property(c"response", BufferSlice::copy_from(env, reply.line())?)?;
        described.set_c_named_property(c"responseCode", reply.response_code())?;
        described.set_c_named_property(c"verdict", reply.verdict().as_str())?;
    }
    if let Some(guess) = error.guessed_verdict() {
        described.set_c_named_property(c"guessedVerdict", guess.as_str())?;
    }
    if let Some(detail) = error.detail() {
        described.set_c_named_property(c"detail", detail)?;
    }
    Ok(described)
}
