//! Tells a run as a report: one page for a browser, or a few screens of text.

use std::io::{self, Write};

use super::{Explained, Options, Render, Start};
use crate::{
    model::{alignment::Alignment, clock::Sample, time::MonoNs},
    render::words,
    report::Gathered,
    tally::{Lost, Tally},
};

mod page;
#[cfg(test)]
mod tests;
mod text;

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For terminals.
    Text,
    /// One HTML page that needs nothing else: no network, no other file.
    Page,
}

/// Gathers endings, and tells of them at the end.
pub struct Report {
    gathered: Gathered,
    form: Written,
}

enum Written {
    Text(Box<text::Text>),
    Page(Box<page::Page>),
}

impl Report {
    /// Nothing yet; `name` is what the report is of.
    #[must_use]
    pub fn new(form: Form, name: &str, options: Options) -> Self {
        Self {
            gathered: Gathered::default(),
            form: match form {
                Form::Text => Written::Text(Box::new(text::Text::new(name, options))),
                Form::Page => Written::Page(Box::new(page::Page::new(name, options))),
            },
        }
    }
}

impl Render for Report {
    fn clock(&mut self, sample: &Sample) {
        match &mut self.form {
            Written::Text(text) => text.clock(sample),
            Written::Page(page) => page.clock(sample),
        }
    }

    fn start(&mut self, start: &Start<'_>, out: &mut dyn Write) -> io::Result<()> {
        match &mut self.form {
            Written::Text(text) => {
                text.start(start);
                Ok(())
            }
            Written::Page(page) => page.start(start, out),
        }
    }

    fn alignment(
        &mut self,
        alignment: &Alignment,
        at: MonoNs,
        _out: &mut dyn Write,
    ) -> io::Result<()> {
        match &mut self.form {
            Written::Text(text) => text.alignment(alignment, at),
            Written::Page(page) => {
                page.alignment(alignment);
                Ok(())
            }
        }
    }

    fn ending(&mut self, explained: &Explained<'_>, out: &mut dyn Write) -> io::Result<()> {
        let ending = explained.ending;
        let code = explained.code();
        self.gathered
            .add(ending, words::dated(ending), code.clone());
        match &mut self.form {
            Written::Text(text) => text.ending(explained),
            Written::Page(page) => page.ending(explained, code.as_deref(), out),
        }
    }

    fn lost(&mut self, _lost: &Lost, _out: &mut dyn Write) -> io::Result<()> {
        // The account at the end has them.
        Ok(())
    }

    fn summary(&mut self, tally: &Tally, out: &mut dyn Write) -> io::Result<()> {
        match &mut self.form {
            Written::Text(text) => text.summary(&self.gathered, tally, out),
            Written::Page(page) => page.summary(&self.gathered, tally, out),
        }
    }
}
