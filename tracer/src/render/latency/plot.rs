//! Latencies as curves: one chart a phase, one curve a group, in one SVG that needs nothing else.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use crate::{
    latency::{
        Group, Latencies,
        group::Key,
        spread::{Spread, float},
    },
    model::phases::Phase,
    render::time::human,
};

/// Colours that are told apart by everyone (Okabe and Ito), on light and on dark.
const COLOURS: [&str; 6] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9",
];

/// The drawing in its own units.
const WIDTH: f64 = 800.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 20.0;
/// A chart with its title and its scale, the curves within it, and what is above the first.
const CHART: f64 = 220.0;
const CURVES: f64 = 150.0;
const LINE: f64 = 18.0;

/// Shares that have a line across.
const SHARES: [(f64, &str); 4] = [(0.0, "0 %"), (0.5, "50 %"), (0.9, "90 %"), (1.0, "100 %")];

const STYLE: &str = "\
svg{background:#fff;font:12px sans-serif;fill:#222}.grid{stroke:#ccc}.curve{fill:none;stroke-width:1.5}\
.title{font-weight:bold}.small{font-size:10px}\
@media(prefers-color-scheme:dark){svg{background:#181818;fill:#ddd}.grid{stroke:#444}}";

/// Writes the curves of the largest groups.
pub(super) fn write(latencies: &Latencies, out: &mut dyn Write) -> io::Result<()> {
    let groups = latencies.groups();
    let shown: Vec<_> = groups.iter().copied().zip(COLOURS).collect();
    let phases: Vec<_> = Phase::ALL
        .into_iter()
        .filter(|phase| {
            shown
                .iter()
                .any(|((_, group), _)| of(group, *phase).is_some())
        })
        .collect();
    let top = LINE * (float(shown.len().try_into().unwrap_or(0)) + 2.0);
    let height = top + CHART * float(phases.len().try_into().unwrap_or(0)) + LINE;
    // Writing to a string does not fail.
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" \
         height=\"{height}\"><style>{STYLE}</style>\n<text class=\"title\" x=\"{LEFT}\" y=\"{LINE}\">\
         Share of endings whose phase took no longer</text>\n"
    );
    let mut y = LINE;
    for ((key, group), colour) in &shown {
        y += LINE;
        legend(&mut svg, (key, group), colour, y);
    }
    if groups.len() > shown.len() {
        let more = groups.len() - shown.len();
        let _ = writeln!(
            svg,
            "<text class=\"small\" x=\"{}\" y=\"{LINE}\" text-anchor=\"end\">{more} smaller groups are not drawn</text>",
            WIDTH - RIGHT
        );
    }
    let mut y = top;
    for phase in phases {
        let curves: Vec<_> = shown
            .iter()
            .filter_map(|((_, group), colour)| Some((of(group, phase)?, *colour)))
            .collect();
        chart(&mut svg, phase, &curves, y);
        y += CHART;
    }
    svg.push_str("</svg>\n");
    out.write_all(svg.as_bytes())?;
    out.flush()
}

fn of(group: &Group, phase: Phase) -> Option<&Spread> {
    group
        .phases()
        .find(|(it, _)| *it == phase)
        .map(|(_, spread)| spread)
}

fn legend(svg: &mut String, (key, group): (&Key, &Group), colour: &str, y: f64) {
    let end = LEFT + 24.0;
    let _ = writeln!(
        svg,
        "<line x1=\"{LEFT}\" x2=\"{end}\" y1=\"{0}\" y2=\"{0}\" stroke=\"{colour}\" stroke-width=\"3\"/>\
         <text x=\"{1}\" y=\"{y}\">{2}, {3} endings</text>",
        y - 4.0,
        end + 8.0,
        escaped(&key.to_string()),
        group.endings
    );
}

/// One phase: curves over a scale on which each decade is as wide as the next.
fn chart(svg: &mut String, phase: Phase, curves: &[(&Spread, &str)], top: f64) {
    let bounds = curves.iter().map(|(spread, _)| bounds(spread));
    let (low, high) = bounds.fold((u32::MAX, 0), |(low, high), (first, last)| {
        (low.min(first), high.max(last))
    });
    let high = high.max(low.saturating_add(1));
    let decades = f64::from(high - low);
    let width = WIDTH - LEFT - RIGHT;
    let bottom = top + LINE + CURVES;
    let across = |ns: u64| {
        let decade = float(ns.max(1)).log10() - f64::from(low);
        LEFT + width * decade.clamp(0.0, decades) / decades
    };
    let up = |share: f64| bottom - CURVES * share;
    let name = phase.name();
    let _ = writeln!(
        svg,
        "<text class=\"title\" x=\"{LEFT}\" y=\"{top}\">{name}</text>"
    );
    for (share, text) in SHARES {
        let y = up(share);
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text class=\"small\" \
             x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
            LEFT + width,
            LEFT - 6.0,
            y + 3.0
        );
    }
    for decade in low..=high {
        let ns = 10_u64.saturating_pow(decade);
        let x = across(ns);
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{}\" y2=\"{bottom}\"/><text class=\"small\" \
             x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            up(1.0),
            bottom + 14.0,
            unit(ns)
        );
    }
    for (spread, colour) in curves {
        let mut path = String::new();
        let mut before = 0.0;
        for (ns, share) in spread.cumulated() {
            let x = across(ns);
            let command = if path.is_empty() { 'M' } else { 'L' };
            let _ = write!(
                path,
                "{command}{x:.1} {:.1}L{x:.1} {:.1}",
                up(before),
                up(share)
            );
            before = share;
        }
        let _ = writeln!(
            svg,
            "<path class=\"curve\" stroke=\"{colour}\" d=\"{path}\"/>"
        );
    }
}

/// The decades that hold every duration.
fn bounds(spread: &Spread) -> (u32, u32) {
    let shares = spread.cumulated();
    let ns = |it: Option<&(u64, f64)>| it.map_or(1, |(ns, _)| *ns).max(1);
    let (first, last) = (ns(shares.first()), ns(shares.last()));
    (first.ilog10(), last.ilog10() + 1)
}

/// A power of ten as people say it.
fn unit(ns: u64) -> String {
    let text = human(ns).to_string();
    text.replace(".00", "").replace(".0", "")
}

/// What XML takes for itself, as something else; names carry no control characters any more.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
