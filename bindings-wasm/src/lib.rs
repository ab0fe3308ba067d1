//! The WebAssembly module of the npm package `popmail-wasm`: conversion only.
//! What JavaScript users see is in `bindings-wasm/ts`.

#![allow(missing_docs)] // The documentation is the face's.

#[cfg(feature = "mime")]
mod mime;
