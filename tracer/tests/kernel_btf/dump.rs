//! What `bpftool btf dump -j` says about a kernel; nothing here knows the binary format.

use std::{collections::HashMap, path::Path, process::Command};

use serde_json::Value;

/// A kernel's types, by id.
pub(crate) struct Dump(HashMap<u64, Value>);

/// Kinds that only name or qualify another type.
const MODIFIERS: [&str; 5] = ["TYPEDEF", "CONST", "VOLATILE", "RESTRICT", "TYPE_TAG"];

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn name(value: &Value) -> &str {
    match text(value, "name") {
        "(anon)" => "",
        name => name,
    }
}

fn array<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

impl Dump {
    /// Runs bpftool; `Err` says why there is nothing to compare with.
    pub(crate) fn of(path: &Path) -> Result<Self, String> {
        // It is an administrator's tool, so it may lie outside an ordinary user's path.
        let run = |program| {
            let arguments = ["btf", "dump", "-j", "file"];
            Command::new(program).args(arguments).arg(path).output()
        };
        let output = run("bpftool")
            .or_else(|_| run("/usr/sbin/bpftool"))
            .map_err(|error| format!("bpftool does not run: {error}"))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("bpftool does not read it: {}", said.trim()));
        }
        let dump: Value = serde_json::from_slice(&output.stdout).expect("bpftool prints JSON");
        let types = array(&dump, "types").iter();
        Ok(Self(
            types
                .map(|found| (found["id"].as_u64().unwrap(), found.clone()))
                .collect(),
        ))
    }

    /// The types of the kinds and the name, in the order of their ids.
    fn named(&self, kinds: &[&str], wanted: &str) -> Vec<&Value> {
        let types = self.0.values();
        let mut found: Vec<&Value> = types
            .filter(|found| kinds.contains(&text(found, "kind")) && name(found) == wanted)
            .collect();
        found.sort_by_key(|found| found["id"].as_u64());
        found
    }

    fn target(&self, of: &Value) -> Option<&Value> {
        self.0.get(&of["type_id"].as_u64()?)
    }

    fn peel(&self, of: &Value) -> Option<&Value> {
        let found = self.target(of)?;
        if MODIFIERS.contains(&text(found, "kind")) {
            return self.peel(found);
        }
        Some(found)
    }

    /// Bits of the type something refers to.
    fn bits(&self, of: &Value) -> u64 {
        let found = self.peel(of).expect("a member has a type");
        match text(found, "kind") {
            "PTR" => 64,
            "ARRAY" => found["nr_elems"].as_u64().unwrap() * self.bits(found),
            _ => found["size"].as_u64().unwrap() * 8,
        }
    }

    /// A member and its offset, searched depth first; C does not let two share a name.
    fn member<'a>(&'a self, within: &'a Value, wanted: &str) -> Option<(&'a Value, u64)> {
        array(within, "members").iter().find_map(|member| {
            let offset = member["bits_offset"].as_u64().unwrap();
            if name(member) == wanted {
                return Some((member, offset));
            }
            if !name(member).is_empty() {
                return None;
            }
            let (found, below) = self.member(self.peel(member)?, wanted)?;
            Some((found, offset + below))
        })
    }

    /// Offset and size in bits, and whether it is a bit field.
    pub(crate) fn field(&self, structure: &str, path: &str) -> Option<(u64, u64, bool)> {
        let candidates = self.named(&["STRUCT", "UNION"], structure);
        candidates.into_iter().find_map(|candidate| {
            let mut within = Some(candidate);
            let mut offset = 0;
            let mut last = None;
            for part in path.split('.') {
                let (member, below) = self.member(within?, part)?;
                offset += below;
                within = self.peel(member);
                last = Some(member);
            }
            let member = last?;
            let number = within.filter(|within| text(within, "kind") == "INT");
            let shift = number.map_or(0, |number| number["bits_offset"].as_u64().unwrap());
            let used = number.and_then(|number| number["nr_bits"].as_u64());
            let whole = self.bits(member);
            match member["bitfield_size"].as_u64() {
                Some(width) if width > 0 => Some((offset, width, true)),
                _ if used.is_some_and(|used| used != whole || shift != 0) => {
                    Some((offset + shift, used?, true))
                }
                _ => Some((offset, whole, false)),
            }
        })
    }

    pub(crate) fn enumeration(&self, wanted: &str) -> Option<Vec<(u32, String)>> {
        let found = self.named(&["ENUM", "ENUM64"], wanted);
        let values = array(found.first()?, "values");
        let pair = |value: &Value| {
            // bpftool widens 32 bits with their sign, even those of an unsigned enumeration.
            let number = &value["val"];
            let number = number.as_i64().map(i64::cast_unsigned).or(number.as_u64());
            let number = u32::try_from(number.unwrap() & u64::from(u32::MAX)).unwrap();
            (number, text(value, "name").to_owned())
        };
        Some(values.iter().map(pair).collect())
    }

    pub(crate) fn function(&self, wanted: &str) -> Option<Vec<String>> {
        let found = self.named(&["FUNC"], wanted);
        let prototype = self.target(found.first()?)?;
        let parameters = array(prototype, "params").iter();
        Some(parameters.map(|found| name(found).to_owned()).collect())
    }

    pub(crate) fn raw_tracepoint(&self, wanted: &str) -> Option<Vec<String>> {
        let found = self.named(&["TYPEDEF"], &format!("btf_trace_{wanted}"));
        let prototype = self.target(self.target(found.first()?)?)?;
        let parameters = array(prototype, "params").iter().skip(1);
        Some(parameters.map(|found| self.spell(found, 0)).collect())
    }

    /// The type something refers to, as C writes it without qualifiers.
    fn spell(&self, of: &Value, stars: usize) -> String {
        let suffix = match stars {
            0 => String::new(),
            _ => format!(" {}", "*".repeat(stars)),
        };
        let Some(found) = self.target(of) else {
            return format!("void{suffix}");
        };
        let word = match text(found, "kind") {
            "PTR" => return self.spell(found, stars + 1),
            "CONST" | "VOLATILE" | "RESTRICT" | "TYPE_TAG" => return self.spell(found, stars),
            "FWD" if text(found, "fwd_kind") == "union" => "union ",
            "STRUCT" | "FWD" => "struct ",
            "UNION" => "union ",
            "ENUM" | "ENUM64" => "enum ",
            _ => "",
        };
        format!("{word}{}{suffix}", name(found))
    }
}
