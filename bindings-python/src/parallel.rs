//! Work on several threads, in pieces, whose results come in the order of the pieces.

use std::sync::{Mutex, PoisonError};
use std::thread;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Things to do for which one more thread is worth its start.
const WORTH_A_THREAD: usize = 64;

/// Pieces for each thread: things differ in size, and a thread that has done with a piece takes the next.
const PIECES: usize = 8;

/// How many threads a caller asks for: as many as there are processors where it says nothing.
pub fn wanted(threads: Option<usize>) -> PyResult<usize> {
    match threads {
        Some(0) => Err(PyValueError::new_err("threads must be at least 1, got 0")),
        Some(threads) => Ok(threads),
        None => Ok(thread::available_parallelism().map_or(1, |count| count.get())),
    }
}

/// How long a piece is, of so many things on so many threads; all of them where one thread is enough.
pub fn piece(things: usize, threads: usize) -> usize {
    match threads.min(things / WORTH_A_THREAD) {
        0 | 1 => things.max(1),
        threads => things.div_ceil(threads * PIECES),
    }
}

/// Does the work on each piece; Python's lock must not be held, and the work must not need it.
pub fn in_order<T: Send, R: Send>(
    pieces: Vec<T>,
    threads: usize,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let threads = threads.min(pieces.len());
    let next = Mutex::new(pieces.into_iter().enumerate());
    let run = || {
        let mut done = Vec::new();
        loop {
            let piece = next.lock().unwrap_or_else(PoisonError::into_inner).next();
            let Some((index, piece)) = piece else {
                return done;
            };
            done.push((index, work(piece)));
        }
    };
    let mut done = thread::scope(|scope| {
        let started: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
        let mut done = run();
        for thread in started {
            match thread.join() {
                Ok(pieces) => done.extend(pieces),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}
