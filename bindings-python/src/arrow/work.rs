//! The work of making tables, on one thread or on several: the result is the same.
//!
//! One batch is cut into pieces that are put together again in their order; of a stream each batch
//! is made by one thread and given out in its turn. No thread here needs Python's lock.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use arrow_array::{RecordBatch, RecordBatchReader};
use arrow_schema::{ArrowError, SchemaRef};

use popmail::mime::columns::Column;

use super::source::{Item, Source};
use super::table::{self, Table};
use crate::parallel;

/// Makes one batch of all messages.
pub fn batch(
    items: &[Item],
    columns: &[Column],
    schema: &SchemaRef,
    threads: usize,
) -> Result<RecordBatch, ArrowError> {
    let pieces: Vec<&[Item]> = items
        .chunks(parallel::piece(items.len(), threads))
        .collect();
    let batches = parallel::in_order(pieces, threads, |piece| filled(piece, columns, schema));
    let mut batches = batches.into_iter().collect::<Result<Vec<_>, _>>()?;
    match batches.len() {
        0 => filled(&[], columns, schema),
        1 => Ok(batches.remove(0)),
        _ => table::concatenated(batches, schema),
    }
}

fn filled(
    items: &[Item],
    columns: &[Column],
    schema: &SchemaRef,
) -> Result<RecordBatch, ArrowError> {
    let mut table = Table::new(columns);
    for item in items {
        item.push_to(&mut table)?;
    }
    table.finish(schema)
}

/// How much of a source has been given out as batches.
#[derive(Default)]
pub struct Progress {
    pub messages: AtomicU64,
    pub octets: AtomicU64,
}

type Made = Result<RecordBatch, ArrowError>;
type Job = (Vec<Item>, SyncSender<Made>);

/// The batches of a source, in order, of which a bounded number is being made ahead.
pub struct Batches {
    schema: SchemaRef,
    columns: Arc<[Column]>,
    source: Source,
    rows: usize,
    threads: usize,
    jobs: Option<Sender<Job>>,
    /// Those that are being made: octets, and where the batch will come from.
    ahead: VecDeque<(usize, Receiver<Made>)>,
    end: Option<Option<ArrowError>>,
    progress: Arc<Progress>,
}

impl Batches {
    pub fn new(source: Source, columns: Vec<Column>, rows: usize, threads: usize) -> Self {
        Batches {
            schema: table::schema(&columns),
            columns: columns.into(),
            source,
            rows,
            threads,
            jobs: None,
            ahead: VecDeque::new(),
            end: None,
            progress: Arc::default(),
        }
    }

    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Takes messages for the next batch; `None` when there are no more, or no more can be taken.
    fn take(&mut self) -> Option<(Vec<Item>, usize)> {
        if self.end.is_some() {
            return None;
        }
        match self.source.take(self.rows) {
            Ok((items, octets)) if !items.is_empty() => Some((items, octets)),
            Ok(_) => {
                self.end = Some(None);
                None
            }
            Err(error) => {
                self.end = Some(Some(error));
                None
            }
        }
    }

    fn start(&mut self) -> Sender<Job> {
        let (sender, receiver) = channel::<Job>();
        let receiver = Arc::new(Mutex::new(receiver));
        for _ in 0..self.threads {
            let receiver = Arc::clone(&receiver);
            let (columns, schema) = (Arc::clone(&self.columns), Arc::clone(&self.schema));
            thread::spawn(move || {
                loop {
                    let next = receiver
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .recv();
                    let Ok((items, made)) = next else {
                        return;
                    };
                    // Nobody waits for it when the stream was closed.
                    let _ = made.send(filled(&items, &columns, &schema));
                }
            });
        }
        self.jobs = Some(sender.clone());
        sender
    }

    /// Gives the threads as much to do as may be in memory at once.
    fn look_ahead(&mut self) {
        while self.ahead.len() < self.threads + 1 {
            let Some((items, octets)) = self.take() else {
                return;
            };
            let jobs = match &self.jobs {
                Some(jobs) => jobs.clone(),
                None => self.start(),
            };
            let (sender, receiver) = sync_channel(1);
            // Fails only when every thread has panicked: then the receiver tells.
            let _ = jobs.send((items, sender));
            self.ahead.push_back((octets, receiver));
        }
    }

    fn made(&mut self) -> Option<(usize, Made)> {
        if self.threads == 1 {
            let (items, octets) = self.take()?;
            return Some((octets, filled(&items, &self.columns, &self.schema)));
        }
        self.look_ahead();
        let (octets, receiver) = self.ahead.pop_front()?;
        let made = receiver.recv().unwrap_or_else(|_| {
            let told = "a thread that makes batches has panicked";
            Err(ArrowError::ComputeError(told.to_owned()))
        });
        Some((octets, made))
    }
}

impl Iterator for Batches {
    type Item = Made;

    fn next(&mut self) -> Option<Made> {
        let Some((octets, made)) = self.made() else {
            // What could not be taken is told once, after what was.
            return self.end.as_mut().and_then(Option::take).map(Err);
        };
        if let Ok(batch) = &made {
            let (rows, octets) = (batch.num_rows() as u64, octets as u64);
            self.progress.messages.fetch_add(rows, Ordering::Relaxed);
            self.progress.octets.fetch_add(octets, Ordering::Relaxed);
        }
        Some(made)
    }
}

impl RecordBatchReader for Batches {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}
