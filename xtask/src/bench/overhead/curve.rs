//! Curves as SVG: both axes logarithmic, a line for each way.

use std::fmt::Write as _;

/// One line: its name, and its points.
pub(super) type Line = (String, Vec<(u64, u64)>);

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 380.0;
/// Left of and below the field.
const MARGIN: (f64, f64) = (70.0, 46.0);
const COLOURS: [&str; 5] = ["#0969da", "#cf222e", "#bf8700", "#1a7f37", "#8250df"];

/// Draws lines over one field; `across` and `up` say what the axes count.
pub(super) fn draw(title: &str, across: &str, up: &str, lines: &[Line]) -> String {
    let points = || lines.iter().flat_map(|line| &line.1);
    let (low_x, high_x) = decades(points().map(|it| it.0));
    let (low_y, high_y) = decades(points().map(|it| it.1));
    let (right, bottom) = (WIDTH - 12.0, HEIGHT - MARGIN.1);
    let x =
        |value: u64| MARGIN.0 + (logarithm(value) - low_x) / (high_x - low_x) * (right - MARGIN.0);
    let y = |value: u64| bottom - (logarithm(value) - low_y) / (high_y - low_y) * (bottom - 34.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n\
         <text x=\"{}\" y=\"20\" font-size=\"15\">{title}</text>\n\
         <text x=\"{right}\" y=\"{}\" text-anchor=\"end\">{across}</text>\n\
         <text x=\"14\" y=\"{bottom}\" transform=\"rotate(-90 14 {bottom})\">{up}</text>\n",
        MARGIN.0,
        HEIGHT - 8.0,
    );
    for value in marks(low_x, high_x) {
        let _infallible = writeln!(
            svg,
            "<path d=\"M{0:.1} 34V{bottom}\" stroke=\"#d0d7de\"/>\
             <text x=\"{0:.1}\" y=\"{1}\" text-anchor=\"middle\">{value}</text>",
            x(value),
            bottom + 16.0,
        );
    }
    for value in marks(low_y, high_y) {
        let _infallible = writeln!(
            svg,
            "<path d=\"M{2} {0:.1}H{right}\" stroke=\"#d0d7de\"/>\
             <text x=\"{1}\" y=\"{0:.1}\" text-anchor=\"end\">{value}</text>",
            y(value),
            MARGIN.0 - 6.0,
            MARGIN.0,
        );
    }
    for ((name, points), colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let path: Vec<_> = points
            .iter()
            .map(|&(across, up)| format!("{:.1} {:.1}", x(across), y(up)))
            .collect();
        let last = points.last().copied().unwrap_or((1, 1));
        let _infallible = writeln!(
            svg,
            "<path d=\"M{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\
             <text x=\"{right}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"{colour}\">{name}</text>",
            path.join("L"),
            y(last.1) - 6.0,
        );
    }
    svg + "</svg>\n"
}

/// The powers of ten around all numbers, at least one apart.
fn decades(numbers: impl Iterator<Item = u64> + Clone) -> (f64, f64) {
    let low = numbers.clone().map(logarithm).fold(f64::MAX, f64::min);
    let high = numbers.map(logarithm).fold(0.0, f64::max);
    let low = low.min(high).floor();
    (low, high.ceil().max(low + 1.0))
}

/// Each power of ten from one to another.
fn marks(low: f64, high: f64) -> impl Iterator<Item = u64> {
    (0..20)
        .map(|power| 10_u64.saturating_pow(power))
        .filter(move |&value| (low..=high).contains(&logarithm(value)))
}

fn logarithm(value: u64) -> f64 {
    // To half a millionth, which is less than a pixel.
    let value = u32::try_from(value).unwrap_or(u32::MAX).max(1);
    f64::from(value).log10()
}
