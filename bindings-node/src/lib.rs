//! The native module of the npm package `popmail`: conversion only. What
//! JavaScript users see is in `bindings-wasm/ts` and `bindings-node/ts`.

#![allow(missing_docs)] // The documentation is the face's.

mod client;
mod compose;
mod convert;
mod error;
mod event;
mod maildrop;
mod mbox;
mod message;
mod server;
mod sync;
mod tools;
mod work;
