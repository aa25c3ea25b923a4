//! What a user does with the page of a report, and what must come of it.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use super::{at, browser::Browser, found, grouped, told};

pub(super) fn searched(browser: &Browser, endings: &[&Value]) -> anyhow::Result<()> {
    let all = told(endings.len());
    let count = |holds: &dyn Fn(&Value) -> bool| endings.iter().filter(|it| holds(it)).count();
    let server = endings
        .iter()
        .find(|it| at(it, "/owner/comm") == "fr-server");
    let pid = at(server.context("no ending of the server")?, "/owner/pid");
    let cases = [
        (
            "cause:linger_zero".to_owned(),
            count(&|it| at(it, "/cause") == "linger_zero"),
        ),
        (format!("pid:{pid} -how:fin_received"), {
            count(&|it| at(it, "/owner/pid") == pid && at(it, "/how") != "fin_received")
        }),
        (
            "FR-CLIENT".to_owned(),
            count(&|it| at(it, "/owner/comm") == "fr-client"),
        ),
        ("there is no such thing".to_owned(), 0),
    ];
    for (query, count) in cases {
        browser.click("#clear")?;
        found(browser, &all)?;
        browser.keys("#query", &query)?;
        found(browser, &format!("{} of {all}", grouped(count))).with_context(|| query)?;
    }
    // The legend asks for a cause, as typing does.
    browser.click("#clear")?;
    browser.click("#legend .key")?;
    let query = browser.run("return document.getElementById('query').value")?;
    let query = query.as_str().unwrap_or_default().to_owned();
    let cause = query
        .strip_prefix("cause:")
        .context("the legend asks for no cause")?;
    found(
        browser,
        &format!(
            "{} of {all}",
            grouped(count(&|it| at(it, "/cause") == cause))
        ),
    )?;
    browser.click("#clear")?;
    found(browser, &all)
}

/// The values of a column, as its lines are shown from above.
fn shown(browser: &Browser, column: &str) -> anyhow::Result<Vec<f64>> {
    let value = browser.run(&format!(
        "return [...document.querySelectorAll('.line[data-row]')].map(it => data.columns.{column}[it.dataset.row])"
    ))?;
    let values = value.as_array().context("no lines")?;
    ensure!(values.len() > 5, "few lines are shown: {values:?}");
    // What is not known is not a number, which JSON has none of.
    Ok(values
        .iter()
        .map(|it| it.as_f64().unwrap_or(f64::NAN))
        .collect())
}

pub(super) fn sorted(browser: &Browser) -> anyhow::Result<()> {
    let by = |column: &str| browser.click(&format!("[data-column={column}]"));
    by("close")?;
    let longest = shown(browser, "close_ns")?;
    ensure!(longest.is_sorted_by(|a, b| a >= b), "not down: {longest:?}");
    by("close")?;
    let shortest = shown(browser, "close_ns")?;
    ensure!(shortest.is_sorted_by(|a, b| a <= b), "not up: {shortest:?}");
    by("time")?;
    let times = shown(browser, "at_us")?;
    ensure!(times.is_sorted(), "not by time: {times:?}");
    let sort = browser.run("return document.querySelector('[data-column=time]').ariaSort")?;
    ensure!(sort == "ascending", "it is not said to be sorted: {sort}");
    Ok(())
}

pub(super) fn selected(browser: &Browser, endings: &[&Value]) -> anyhow::Result<()> {
    browser.keys("#query", "cause:linger_zero")?;
    browser.wait("table.rows.length < data.rows")?;
    browser.click(".line[data-row]")?;
    browser.wait("document.querySelector('#details svg.sequence')")?;
    let id = browser.run("return decodeURIComponent(location.hash.slice(1))")?;
    let own = endings.iter().find(|it| at(it, "/connection/id") == &id);
    let own = own.with_context(|| format!("no ending is called {id}"))?;
    let said = browser.run("return document.querySelector('#details .said').textContent")?;
    ensure!(
        &said == at(own, "/explanation"),
        "{said} is told of {}",
        at(own, "/explanation")
    );
    // Both ends are this machine's: each has a name, and the RST between them was captured.
    let names = browser.run(
        "return [...document.querySelectorAll('.sequence .head')].map(it => it.textContent)",
    )?;
    let names: BTreeSet<_> = names
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let both = ["fr-client[", "fr-server["].map(|it| names.iter().any(|name| name.starts_with(it)));
    ensure!(both == [true, true], "the ends are {names:?}");
    let segments =
        browser.run("return document.querySelectorAll('.segment.rst:not(.guessed)').length")?;
    ensure!(segments == 1, "{segments} RSTs are between");
    let stack = browser.run("return document.querySelector('.event .stack')?.textContent")?;
    ensure!(stack.is_string(), "no stack is beside the call");
    let before = browser.run("return table.selected")?;
    browser.keys("#table", "\u{e015}")?;
    let after = browser.wait(&format!("table.selected !== {before} && table.selected"))?;
    let told = browser.run("return document.querySelector('[aria-selected=true]').dataset.row")?;
    ensure!(
        told.as_str() == Some(&after.to_string()),
        "{told} is shown to be selected, not {after}"
    );
    browser.click("#clear")
}

/// The theme changes the colours, and text stays readable (WCAG 2.2, 1.4.6: seven to one).
pub(super) fn dark(browser: &Browser) -> anyhow::Result<()> {
    let contrast = "const light = (color) => { const [r, g, b] = color.match(/[0-9.]+/g).map(Number).map((it) => it / 255)\
        .map((it) => it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };\
        const style = getComputedStyle(document.documentElement);\
        return [light(style.color), light(style.backgroundColor)];";
    for (theme, is_dark) in [("light", false), ("dark", true)] {
        browser.click("#theme")?;
        browser.wait(&format!(
            "document.documentElement.dataset.theme === '{theme}'"
        ))?;
        let both = browser.run(contrast)?;
        let (ink, page) = (at(&both, "/0").as_f64(), at(&both, "/1").as_f64());
        let (ink, page) = ink.zip(page).context("no colours")?;
        let ratio = (ink.max(page) + 0.05) / (ink.min(page) + 0.05);
        ensure!(
            (page < ink) == is_dark && ratio >= 7.0,
            "{theme}: {ratio:.1} to one, {both}"
        );
    }
    Ok(())
}
