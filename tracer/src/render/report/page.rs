//! A report as one page: the program and the style are in it, and the data in parts that the page
//! unpacks when it needs them. What is kept in memory is one part, and what is said of all.

use std::io::{self, Write};

use serde::Serialize;

use super::super::{
    Explained, Options, Start,
    json::writer::Line,
    schema::{Head, Text, ending, report},
    time::WallClock,
    via::Via,
    words,
};
use crate::{
    model::{alignment::Alignment, clock::Sample},
    report::Gathered,
    tally::Tally,
};

pub(super) mod packed;

/// Endings of a part with their rows of the table: all parts are read when the page is opened.
pub(super) const ROWS: usize = 8_192;

/// Endings of a part with all there is about each, which is read when one of them is looked at.
pub(super) const DETAILS: usize = 256;

const STYLE: &str = include_str!("page/style.css");
const BODY: &str = include_str!("page/body.html");
/// The page's program, each file with one purpose, in the order in which they build on each other.
const SCRIPTS: [&str; 8] = [
    include_str!("page/words.js"),
    include_str!("page/data.js"),
    include_str!("page/search.js"),
    include_str!("page/table.js"),
    include_str!("page/charts.js"),
    include_str!("page/sequence.js"),
    include_str!("page/details.js"),
    include_str!("page/main.js"),
];

/// Writes a page.
pub(super) struct Page {
    about: report::About,
    clock: WallClock,
    via: Via,
    alignments: Vec<Alignment>,
    rows: report::Rows,
    /// Endings as a JSON array without its end, and how many.
    details: (Vec<u8>, usize),
    line: Line,
}

impl Page {
    pub(super) fn new(name: &str, options: Options) -> Self {
        Self {
            about: report::About {
                name: name.to_owned(),
                ..report::About::default()
            },
            clock: options.clock,
            via: Via::default(),
            alignments: Vec::new(),
            rows: report::Rows::default(),
            details: (Vec::new(), 0),
            line: Line::default(),
        }
    }

    pub(super) fn clock(&mut self, sample: &Sample) {
        self.clock.learn(sample);
    }

    pub(super) fn start(&mut self, start: &Start<'_>, out: &mut dyn Write) -> io::Result<()> {
        self.via = Via::new(start);
        let own = |word: &str| word.to_owned();
        self.about.finrst = Some(own(start.version));
        self.about.kernel = start.kernel.map(own);
        self.about.machine = Some(own(start.machine));
        self.about.start_ns = start.at.0;
        let points = start.points.iter();
        self.about.points = points.map(|it| (own(it.name), it.way.map(own))).collect();
        let title = escaped(&self.about.name);
        write!(
            out,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
             style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n\
             <meta name=\"generator\" content=\"finrst {}\">\n\
             <title>{title} · finrst</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n{BODY}",
            env!("CARGO_PKG_VERSION")
        )
    }

    pub(super) fn alignment(&mut self, alignment: &Alignment) {
        self.alignments.push(alignment.clone());
    }

    pub(super) fn ending(
        &mut self,
        explained: &Explained<'_>,
        code: Option<&str>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        self.rows.push(explained, code, &self.clock);
        self.detail(explained)?;
        if self.details.1 >= DETAILS {
            self.finish_details(out)?;
        }
        if self.rows.count() >= ROWS {
            self.finish_rows(out)?;
        }
        Ok(())
    }

    /// Adds an ending as its line has it.
    fn detail(&mut self, explained: &Explained<'_>) -> io::Result<()> {
        let at = words::dated(explained.ending);
        let via = explained.ending.decisive().and_then(|act| self.via.of(act));
        let body = ending::ending(explained, via, &self.clock);
        let head = Head::new("ending", Text(self.clock.rfc3339(at)), at);
        let (bytes, count) = &mut self.details;
        bytes.push(if bytes.is_empty() { b'[' } else { b',' });
        *count += 1;
        bytes.extend_from_slice(self.line.joined(&head, &body)?);
        Ok(())
    }

    pub(super) fn summary(
        &mut self,
        gathered: &Gathered,
        tally: &Tally,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        self.finish_details(out)?;
        self.finish_rows(out)?;
        let clock = &self.clock;
        let whole = report::whole(&self.about, gathered, tally, &self.alignments, clock);
        part("whole", &json(&whole)?, out)?;
        for script in SCRIPTS {
            write!(out, "<script>\n{script}</script>\n")?;
        }
        out.write_all(b"</body>\n</html>\n")
    }

    fn finish_details(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let (bytes, count) = &mut self.details;
        if std::mem::take(count) == 0 {
            return Ok(());
        }
        bytes.push(b']');
        part("details", bytes, out)?;
        bytes.clear();
        Ok(())
    }

    fn finish_rows(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let rows = std::mem::take(&mut self.rows);
        if rows.count() == 0 {
            return Ok(());
        }
        part("rows", &json(&rows)?, out)
    }
}

fn json(value: &impl Serialize) -> io::Result<Vec<u8>> {
    Ok(serde_json::to_vec(value)?)
}

/// One part of the data. What is in it cannot end the element, whatever its text is: it is packed.
fn part(kind: &str, json: &[u8], out: &mut dyn Write) -> io::Result<()> {
    write!(
        out,
        "<script type=\"application/x-finrst\" data-part=\"{kind}\">"
    )?;
    packed::write(json, out)?;
    out.write_all(b"</script>\n")
}

/// What HTML takes for itself, as something else.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
