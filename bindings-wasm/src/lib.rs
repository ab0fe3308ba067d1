//! The WebAssembly module of the npm package `popmail-wasm`: conversion only.
//! What JavaScript users see is in `bindings-wasm/ts`.

#![allow(missing_docs)] // The documentation is the face's.

#[cfg(feature = "client")]
mod client;
#[cfg(any(
    feature = "client",
    feature = "server",
    feature = "sync",
    feature = "tools"
))]
mod convert;
#[cfg(feature = "mime")]
mod mime;
#[cfg(feature = "server")]
mod server;
#[cfg(any(feature = "client", feature = "server"))]
mod session;
#[cfg(feature = "sync")]
mod sync;
#[cfg(feature = "tools")]
mod tools;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static MEMORY: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();
