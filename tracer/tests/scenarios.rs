//! Runs every story of `scenarios/*.toml` through correlation and diagnosis, four ways each.
//!
//! A story is told once, with all the hooks and the kernel's reasons; what it looks like without
//! the function hooks, and on kernels without reasons, follows from it. Verdicts must not change
//! unless the story says how.

#[path = "scenarios/story.rs"]
#[cfg(test)]
mod story;

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, path::Path};

    use tracer::{
        correlate::{Correlator, Limits},
        diagnose::{diagnose, explain},
        model::{cause::Cause, ending::Ending, process::Confidence, time::MonoNs},
    };

    use crate::story::{Case, Expected, Way, reasons};

    fn stories() -> BTreeMap<String, Vec<Case>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
        let mut stories = BTreeMap::new();
        for file in folder.read_dir().unwrap() {
            let path = file.unwrap().path();
            if path
                .extension()
                .is_some_and(|extension| extension == "toml")
            {
                let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
                let cases = crate::story::read(&path);
                assert!(stories.insert(name, cases).is_none());
            }
        }
        stories
    }

    fn run(case: &Case, way: Way) -> (Vec<Ending>, Vec<Ending>) {
        let mut correlator = Correlator::new(Limits::default(), reasons());
        let observations = case.observations(way);
        let mut endings = Vec::new();
        for seen in &observations {
            endings.extend(correlator.settle(seen.at.before(1)));
            correlator.observe(seen);
        }
        let last = observations.last().map_or(MonoNs(0), |seen| seen.at);
        endings.extend(correlator.settle(last.after(case.then_ms * 1_000_000)));
        let mut open = correlator.finish();
        endings.iter_mut().chain(&mut open).for_each(diagnose);
        (endings, open)
    }

    fn check(cause: &str, story: &Case, way: Way) {
        let context = format!("{cause}: {} ({way:?})", story.name);
        let (endings, open) = run(story, way);
        assert_eq!(
            open.len(),
            story.open,
            "endings still open: {context}\n{open:#?}"
        );
        let expected = story.expected(way);
        assert_eq!(
            endings.len(),
            expected.len(),
            "number of endings: {context}\n{endings:#?}"
        );
        for (ending, expected) in endings.iter().zip(expected) {
            agree(ending, expected, &context);
        }
        let found = endings
            .iter()
            .flat_map(|ending| &ending.acts)
            .any(|act| act.cause.code() == cause);
        let fires = story.fires_in(way);
        assert_eq!(
            found, fires,
            "whether {cause} fires: {context}\n{endings:#?}"
        );
    }

    fn agree(ending: &Ending, expected: &Expected, context: &str) {
        let act = ending.decisive().unwrap();
        assert_eq!(
            act.cause.code(),
            expected.cause,
            "cause: {context}\n{ending:#?}"
        );
        let confidence = match act.confidence {
            Confidence::Unknown => "unknown",
            Confidence::Likely => "likely",
            Confidence::Exact => "exact",
        };
        assert_eq!(
            confidence, expected.confidence,
            "confidence: {context}\n{ending:#?}"
        );
        let first = ending.first_to_act().map(|first| first.who);
        let initiator = format!("{first:?}").to_lowercase();
        assert_eq!(
            initiator.trim_start_matches("some(").trim_end_matches(')'),
            expected.initiator,
            "initiator: {context}\n{ending:#?}"
        );
        let owner = ending.owner.map(|owner| owner.task.comm.to_string());
        assert_eq!(
            owner.as_deref(),
            expected.owner.as_deref(),
            "owner: {context}"
        );
        let acts: Vec<_> = ending
            .acts
            .iter()
            .map(|act| format!("{}/{}", act.how.code(), act.cause.code()))
            .collect();
        assert_eq!(acts, expected.acts, "acts: {context}\n{ending:#?}");
        assert!(
            ending.acts.is_sorted_by_key(|act| act.at),
            "order of acts: {context}"
        );
        let explanation = explain(ending);
        for words in &expected.says {
            assert!(
                explanation.text.contains(words),
                "{words:?} in {:?}: {context}",
                explanation.text
            );
        }
        for fact in &expected.evidence {
            assert!(
                explanation.evidence.iter().any(|it| it == fact),
                "{fact:?} in {:?}: {context}",
                explanation.evidence
            );
        }
    }

    #[test]
    fn every_story_ends_as_told_in_every_way() {
        for (cause, cases) in stories() {
            for case in &cases {
                for way in Way::ALL {
                    check(&cause, case, way);
                }
            }
        }
    }

    #[test]
    fn every_cause_has_a_story_that_fires_it_and_one_that_nearly_does_in_every_way() {
        let stories = stories();
        let codes: Vec<_> = Cause::ALL.iter().map(|cause| cause.code()).collect();
        for name in stories.keys() {
            assert!(codes.contains(&name.as_str()), "{name} is no cause");
        }
        // No hook sees those: rule and near misses are tested where the rule is.
        for code in codes.into_iter().filter(|&code| code != "netfilter_reject") {
            let cases = stories
                .get(code)
                .unwrap_or_else(|| panic!("no story for {code}"));
            // What Multipath TCP resets a path for, only the kernel's reason tells.
            let told = |way: &Way| way.has_reasons() || code != "mptcp_reset";
            for way in Way::ALL.into_iter().filter(told) {
                let fires = cases.iter().filter(|case| case.fires_in(way)).count();
                assert!(fires > 0, "no story fires {code} ({way:?})");
                assert!(
                    fires < cases.len(),
                    "no story nearly fires {code} ({way:?})"
                );
            }
        }
    }

    #[test]
    fn no_two_stories_of_a_cause_have_one_name() {
        for (cause, cases) in stories() {
            let mut names: Vec<_> = cases.iter().map(|case| &case.name).collect();
            names.sort();
            names.dedup();
            assert_eq!(names.len(), cases.len(), "{cause}");
        }
    }
}
