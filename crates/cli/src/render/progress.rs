//! Progress on standard error: bars on a terminal, a plain line for each finished stage elsewhere.

use std::{
    borrow::Cow,
    io::IsTerminal,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::text;

const COUNTING: &str = "{prefix:>14} [{bar:32.cyan/dim}] {pos:>4}/{len:<4} {wide_msg:.dim}";
const BYTES: &str = "{prefix:>14} [{bar:32.cyan/dim}] {bytes}/{total_bytes} {wide_msg:.dim}";
const DONE: &str = "{prefix:>14.green} {msg}";
const FAILED: &str = "{prefix:>14.red} {msg}";

/// Every stage of one command.
#[derive(Debug)]
pub(crate) struct Progress {
    bars: Option<MultiProgress>,
}

/// What a stage counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Things: crates, executions.
    Count,
    /// Bytes.
    Bytes,
}

/// One stage: a bar, or a line when it is over.
#[derive(Debug)]
pub(crate) struct Stage {
    name: Cow<'static, str>,
    bar: Option<ProgressBar>,
    started: Instant,
    /// Whether it was said how the stage ended.
    is_over: AtomicBool,
    /// The last sentence that was printed without a terminal, so that none is printed twice.
    said: Mutex<String>,
}

impl Progress {
    /// Bars if standard error is a terminal.
    pub(crate) fn new() -> Self {
        Self { bars: std::io::stderr().is_terminal().then(MultiProgress::new) }
    }

    /// A new stage below the others. A total of zero is a total that is not known yet.
    pub(crate) fn stage(&self, name: impl Into<Cow<'static, str>>, total: u64, unit: Unit) -> Stage {
        let name = name.into();
        let bar = self.bars.as_ref().map(|bars| {
            let bar = bars.add(ProgressBar::new(total));
            let template = if unit == Unit::Bytes { BYTES } else { COUNTING };
            bar.set_style(style(template));
            bar.set_prefix(name.clone());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Stage { name, bar, started: Instant::now(), is_over: AtomicBool::new(false), said: Mutex::default() }
    }
}

impl Drop for Progress {
    /// What is printed next begins on a line of its own: bars leave the cursor at the end of theirs.
    fn drop(&mut self) {
        if self.bars.is_some() {
            eprintln!();
        }
    }
}

impl Stage {
    /// How far the stage is, of how much, and what it does now.
    pub(crate) fn set(&self, done: u64, total: u64, doing: &str) {
        if let Some(bar) = &self.bar {
            bar.set_length(total);
            bar.set_position(done);
            bar.set_message(doing.to_owned());
        }
    }

    /// Adds to how far the stage is.
    pub(crate) fn add(&self, done: u64) {
        if let Some(bar) = &self.bar {
            bar.inc(done);
        }
    }

    /// Says something that people should see even without a terminal.
    pub(crate) fn note(&self, sentence: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(sentence.to_owned()),
            None => self.say(sentence),
        }
    }

    /// Ends the stage with a sentence; the time that it took is added. A stage ends once.
    pub(crate) fn finish(&self, sentence: &str) {
        if self.is_over.swap(true, Ordering::Relaxed) {
            return;
        }
        let sentence = format!("{sentence} in {}", text::span(self.started.elapsed()));
        match &self.bar {
            Some(bar) => {
                bar.set_style(style(DONE));
                bar.finish_with_message(sentence);
            }
            None => self.say(&sentence),
        }
    }

    /// Ends a stage that did not come to its end.
    pub(crate) fn fail(&self, sentence: &str) {
        self.is_over.store(true, Ordering::Relaxed);
        match &self.bar {
            Some(bar) => {
                bar.set_style(style(FAILED));
                bar.abandon_with_message(sentence.to_owned());
            }
            None => self.say(sentence),
        }
    }

    fn say(&self, sentence: &str) {
        let mut said = self.said.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if *said != sentence {
            eprintln!("{:>14} {sentence}", self.name);
            sentence.clone_into(&mut said);
        }
    }
}

impl Drop for Stage {
    /// A command that ends early leaves its bars as they were, rather than none.
    fn drop(&mut self) {
        if let Some(bar) = self.bar.as_ref().filter(|bar| !bar.is_finished()) {
            bar.abandon();
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants and parse; a plain bar is better than none all the same.
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    style.progress_chars("━━─")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_parses() {
        for template in [COUNTING, BYTES, DONE, FAILED] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
