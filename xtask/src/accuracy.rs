//! `lab --score`: writes `docs/accuracy.md`, what finrst tells right on every kernel, by every way.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::Path,
    process::{Command, ExitCode},
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    lab::{
        score::{Marks, Score, ScoreLine},
        suite,
        verdicts::{Count, Table, VerdictLine, Verdicts, codes},
    },
    shell,
    tally::Tally,
    test, vm,
};

/// The scenes, which are judged where no log is given, besides the tests that leave a score.
const SCENES: &str = "scene";

/// Plays every scene on every kernel by every way, or reads what a run of all tests said, and writes the
/// page.
///
/// # Errors
/// What the guests run cannot be built, the log not be read, or the page not be written.
pub(crate) fn run(log: Option<&Path>) -> Result<ExitCode> {
    let tally = if let Some(path) = log {
        let log = fs::read(path).with_context(|| format!("no {}", path.display()))?;
        let tally = judged(&String::from_utf8_lossy(&log));
        ensure!(
            !tally.scores().is_empty(),
            "{} has no scores",
            path.display()
        );
        tally
    } else {
        let mut tally = Tally::default();
        let judged: Vec<_> = suite::scored().chain([SCENES]).collect();
        test::kernel_tests(&mut tally, &judged);
        vm::matrix(&vm::Options::only(&judged), &mut tally)?;
        gaps_are_explained(&mut tally);
        tally
    };
    fs::write(shell::root().join("docs/accuracy.md"), page(&tally))?;
    Ok(tally.close(true))
}

/// The scores and verdicts among the lines of a run; those of a guest begin with its name.
fn judged(log: &str) -> Tally {
    let mut tally = Tally::default();
    let mut releases = BTreeMap::new();
    for line in log.lines() {
        let guest = line.strip_prefix('[').and_then(|it| it.split_once("] "));
        let (name, line) = guest.unwrap_or(("here", line));
        if let Some(release) = line.strip_prefix("vm kernel ") {
            releases.insert(name, release);
        }
        let release = releases.get(name);
        if let Some(said) = ScoreLine::read(line) {
            let name = release.unwrap_or(&name);
            tally.score(format!("{name} {}", said.way), said.score);
        } else if let Some(said) = VerdictLine::read(line) {
            let column = release.map(|it| Table::column(it, said.way));
            let mut verdicts = Verdicts::default();
            verdicts.add(said.cause, said.count);
            tally.verdicts(column.unwrap_or_else(|| name.to_owned()), verdicts);
        }
    }
    tally
}

fn page(tally: &Tally) -> String {
    let mut page = String::from(HEAD);
    for (name, score) in tally.scores() {
        let marks = |it: Marks| format!("{} | {} | {}", it.right, it.wrong, it.unknown);
        let [owner, actor, joined] = [score.owner, score.actor, score.joined].map(marks);
        let _infallible = writeln!(page, "| {name} | {owner} | {actor} | {joined} |");
    }
    let mut scores = Score::default();
    for (_, score) in tally.scores() {
        scores += *score;
    }
    let (owner, likely) = (scores.owner, scores.likely);
    let _infallible = writeln!(
        page,
        "\nOwners told as `exact`: {} right, {} wrong. As `likely`: {} right, {} wrong.",
        owner.right - likely.right,
        owner.wrong - likely.wrong,
        likely.right,
        likely.wrong,
    );
    let mut all = Count::default();
    for code in codes() {
        all += tally.causes().together(code);
    }
    let Count {
        exact,
        likely,
        unknown,
        wrong,
        unseen,
    } = all;
    let _infallible = write!(
        page,
        "\n## Causes\n\nEvery scene of docs/causes.md is played, and the cause of each act is compared with what the \
         programs of the scene did.\n{exact} verdicts were right and `exact`, {likely} right and `likely`, {wrong} \
         wrong; {unknown} acts were seen and their cause was not told,\n{unseen} could not be seen that way. One wrong \
         verdict fails `cargo xtask test`.\n\n{}\n\n{}",
        Table::LEGEND,
        tally.causes().markdown(),
    );
    page.push_str(JOINS);
    page
}

const HEAD: &str = "\
# What finrst tells right

Written by `cargo xtask lab --score`, of what `cargo xtask test` printed: real programs end real connections and say
themselves what they did, here and in virtual machines of other kernels, by every way to hook them.

## Owners, actors and segments

Of every ending: the process that held the socket, and who made the kernel do each of its acts, the worst of them.
Unknown is what finrst said it did not know. Of every act in storms that are captured (by packet sockets, and by hooks
of devices): the segment it was joined to, that of what came being one the other end sent; missing is an act without one.

| kernel and way | owner right | wrong | unknown | actor right | wrong | unknown | segment right | wrong | missing |
|---|---|---|---|---|---|---|---|---|---|
";

const JOINS: &str = "
## Segments and tcpdump

What was joined to which act is compared with tcpdump's captures of nginx, redis and Go under load as well: by a
[packet socket](accuracy/wire.md) and by [hooks of the devices](accuracy/xmit.md).

## Endurance

What storms of connections, kills, stops and full disks do to it for long: [a soak](accuracy/soak.md).
";

/// Where a cause was not told, or nothing could be seen, its page must say that this happens.
pub(crate) fn gaps_are_explained(tally: &mut Tally) {
    let gaps = codes().filter(|code| tally.causes().together(code).has_gap());
    let gaps: Vec<_> = gaps.collect();
    tally.step("causes that are not told everywhere say so", || {
        for code in gaps {
            let mut finrst = Command::new(vm::release_finrst()?);
            let page = shell::read(finrst.args(["explain", code]))?;
            // However the page breaks its lines.
            let words: Vec<_> = page.split_whitespace().collect();
            let said = words.join(" ");
            ensure!(
                said.contains("cannot be seen") || said.contains("cannot be told"),
                "{code} was not told everywhere, and its page does not say where that is so"
            );
        }
        Ok(())
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_a_log_counts_for_its_kernel_and_way() {
        let log = "\
[6.12] vm kernel 6.12.117+deb13-cloud-amd64
[6.12] score fentry owner 7 0 1 likely 2 0 0 actor 8 0 0 joined 6 0 1
[6.12] cause fentry app_close 98 1 0 0 0
score auto owner 3 0 0 likely 0 0 0 actor 3 0 0 joined 0 0 0
cause auto app_close 2 0 0 0 0
[6.12] lab fentry scene/x ok";
        let tally = judged(log);
        let names: Vec<_> = tally.scores().iter().map(|it| it.0.as_str()).collect();
        assert_eq!(names, ["6.12.117+deb13-cloud-amd64 fentry", "here auto"]);
        assert_eq!(tally.causes().together("app_close").exact, 100);
        let page = page(&tally);
        assert!(
            page.contains("| here auto | 3 | 0 | 0 | 3 | 0 | 0 | 0 | 0 | 0 |"),
            "{page}"
        );
        assert!(page.contains("| cause | 6.12 f | here |"), "{page}");
    }
}
