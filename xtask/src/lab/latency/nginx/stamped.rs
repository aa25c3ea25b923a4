//! bpftrace's own count of how long sockets stay in each state.

use serde_json::Value;

use super::{super::lines, Numbers, PHASES, Seen, Side};

/// Times in states, by whose socket and the state: gathered where the tracepoint runs, so that nothing is lost on its
/// way.
pub(super) fn script(port: u16) -> String {
    format!(
        "tracepoint:sock:inet_sock_set_state\n\
         /args->protocol == 6 && (args->sport == {port} || args->dport == {port})/ {{\n\
           $entered = @entered[args->skaddr];\n\
           if ($entered) {{\n\
             $took = nsecs - $entered;\n\
             $nginx = args->sport == {port} ? 1 : 0;\n\
             @took[$nginx, args->oldstate] = stats($took);\n\
             @most[$nginx, args->oldstate] = max($took);\n\
           }}\n\
           @entered[args->skaddr] = nsecs;\n\
           if (args->newstate == 7) {{ delete(@entered[args->skaddr]); }}\n\
         }}\n\
         END {{ clear(@entered); }}"
    )
}

/// What bpftrace printed at its end; nothing yet where it has not.
pub(super) fn counted(printed: &[u8]) -> anyhow::Result<Seen> {
    let lines = lines(printed)?;
    let map = |name: &str| {
        let mut maps = lines.iter().filter_map(|line| line["data"].get(name));
        maps.next().cloned().unwrap_or_default()
    };
    let (took, most) = (map("@took"), map("@most"));
    let mut seen = Seen::new();
    for (side, phase, states) in PHASES {
        let side = u8::from(side == Side::Nginx);
        let (mut numbers, mut total) = (Numbers::default(), 0);
        for state in states {
            let key = format!("{side},{state}");
            let number = |name: &str| took.get(&key)?.get(name)?.as_u64();
            numbers.count += number("count").unwrap_or(0);
            total += number("total").unwrap_or(0);
            let longest = most.get(&key).and_then(Value::as_u64);
            numbers.max = numbers.max.max(longest.unwrap_or(0));
        }
        if let Some(mean) = total.checked_div(numbers.count) {
            seen.insert(phase, Numbers { mean, ..numbers });
        }
    }
    Ok(seen)
}
