//! The programs of `make bench` do what they are for, whatever the figures are.

use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

type Done = Result<(), Box<dyn Error>>;

const MESSAGE: &str = "From: Ann <ann@example.com>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n\
    Date: Mon, 23 Nov 2026 10:00:00 +0100\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello\r\n";

#[test]
fn every_peer_reads_the_corpus_and_tells_its_time() -> Done {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("quick-corpus");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("one.eml"), MESSAGE)?;
    std::fs::write(folder.join("classes.json"), r#"{"small": ["one.eml"]}"#)?;
    let mut program = Command::new(env!("CARGO_BIN_EXE_bench-mime"))
        .arg(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = program.stdin.take().ok_or("no input")?;
    for peer in ["popmail", "mail-parser", "mailparse"] {
        writeln!(input, "{peer}\tsmall\t0.001")?;
    }
    drop(input);
    let done = program.wait_with_output()?;
    assert!(done.status.success());
    let told = String::from_utf8(done.stdout)?;
    let mut lines = told.lines();
    assert_eq!(lines.next(), Some("ready"));
    let seconds = lines
        .map(str::parse::<f64>)
        .collect::<Result<Vec<_>, _>>()?;
    assert_eq!(seconds.len(), 3);
    assert!(seconds.iter().all(|&took| took > 0.0), "{seconds:?}");
    Ok(())
}

#[test]
fn the_engine_and_memcpy_tell_their_rates() -> Done {
    let done = Command::new(env!("CARGO_BIN_EXE_bench-engine"))
        .arg("--quick")
        .output()?;
    assert!(done.status.success());
    let rates: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(&done.stdout)?;
    assert_eq!(rates.len(), 4);
    assert!(rates.values().all(|rate| rate.as_f64() > Some(0.0)));
    Ok(())
}
