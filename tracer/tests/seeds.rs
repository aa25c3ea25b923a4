//! What the fuzzer begins with reaches deep: every seed in `fuzz/seeds` is what it is meant to be.

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, fs, path::Path, sync::Arc};

    use clap::Parser as _;
    use tracer::{
        cli::{Cli, values},
        enrich::told::Told,
        go::{Frame, GoBinary, GoError},
        probe::btf::Btf,
    };

    /// The seeds of a target, by name.
    fn seeds(target: &str) -> BTreeMap<String, Vec<u8>> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds");
        let entries = fs::read_dir(root.join(target)).unwrap().flatten();
        let seed = |it: fs::DirEntry| {
            let name = it.file_name().into_string().unwrap();
            (name, fs::read(it.path()).unwrap())
        };
        let seeds: BTreeMap<_, _> = entries.map(seed).collect();
        assert!(!seeds.is_empty(), "{target}");
        seeds
    }

    #[test]
    fn the_types_answer_every_question() {
        for (name, bytes) in seeds("btf") {
            let types = Btf::parse(bytes).unwrap();
            let state = types.field("tcp_sock", "inet.__sk_common.skc_state");
            assert_eq!(state.unwrap().bytes(), Some((8, 1)), "{name}");
            assert!(types.field("sock_common", "skc_reuse").unwrap().bitfield);
            assert!(types.field("sock", "__sk_common.skc_net.net").is_ok());
            let reasons = types.enumeration("sk_rst_reason").unwrap().unwrap();
            assert!(reasons.contains(&(5, "SK_RST_REASON_TCP_ABORT_ON_CLOSE")));
            let parameters = types.function_parameters("tcp_close").unwrap();
            assert_eq!(parameters, Some(vec!["sk", "timeout"]));
            let parameters = types.raw_tracepoint_parameters("tcp_send_reset");
            assert!(parameters.unwrap().is_some());
        }
    }

    /// Of every format of the table, the names, the lines and the inlining.
    #[test]
    fn the_executables_of_go_name_their_functions() {
        let frame = |function: &str, file: &str, line, inlined| Frame {
            function: function.to_owned(),
            file: file.to_owned(),
            line,
            inlined,
        };
        for (name, bytes) in seeds("gopclntab") {
            let binary = GoBinary::open(Box::new(Arc::new(bytes))).unwrap();
            let main = binary.function("main.main").unwrap().unwrap();
            let expected = [frame("main.main", "/src/main.go", 7, false)];
            assert_eq!(binary.symbolize(main).unwrap(), expected, "{name}");
            let closes = binary.function("main.closes").unwrap().unwrap();
            let told = binary.symbolize(closes + 17).unwrap();
            assert_eq!(told.len(), 2, "{name}: {told:?}");
            assert_eq!(told[0].function, "net.(*conn).Close", "{name}");
            assert!(told[0].inlined && told[0].line == 9, "{name}");
            assert_eq!(told[1].function, "main.closes", "{name}");
        }
    }

    /// A word of an executable of Go replaced by the largest there is.
    fn with_the_largest(at: usize) -> Result<GoBinary, GoError> {
        let mut bytes = seeds("gopclntab")
            .remove("go1.24-without-sections")
            .unwrap();
        bytes[at..at + 8].copy_from_slice(&u64::MAX.to_le_bytes());
        // Without its magic number the table is looked for to the end.
        let magic = 0xffff_fff1_u32.to_le_bytes();
        let table = bytes.windows(4).position(|it| it == magic).unwrap();
        bytes[table] = 0;
        GoBinary::open(Box::new(Arc::new(bytes)))
    }

    #[test]
    fn a_segment_that_claims_more_than_there_is_ends_with_the_file() {
        // `p_filesz` of the first segment, behind the header of 64 bytes.
        let refused = with_the_largest(64 + 32).err().unwrap();
        assert!(matches!(refused, GoError::Damaged { .. }), "{refused}");
    }

    #[test]
    fn everything_the_kernel_tells_is_found_in_some_seed() {
        let mut told = Vec::new();
        for (name, bytes) in seeds("proc") {
            let (&which, bytes) = bytes.split_first().unwrap();
            let which = Told::ALL[usize::from(which)];
            assert!(which.found(bytes) > 0, "{name}");
            told.push(which);
        }
        for which in Told::ALL {
            assert!(told.contains(&which), "{which:?}");
        }
    }

    /// How many functions an executable of Go names, as far as it can be read.
    fn functions(bytes: &[u8]) -> usize {
        let mut named = 0;
        if let Ok(binary) = GoBinary::open(Box::new(Arc::new(bytes.to_vec()))) {
            let _as_far = binary.functions(|address, _| {
                named += 1;
                let _frames = binary.offset_of(address);
            });
        }
        named
    }

    #[test]
    fn every_cut_of_a_seed_is_refused_or_tells_less() {
        for (name, bytes) in seeds("btf") {
            for end in 0..bytes.len() {
                let cut = Btf::parse(bytes[..end].to_vec());
                assert!(cut.is_err(), "{name} cut at {end}");
            }
        }
        for (name, bytes) in seeds("gopclntab") {
            let whole = functions(&bytes);
            assert_eq!(whole, 2, "{name}");
            for end in 0..bytes.len() {
                assert!(functions(&bytes[..end]) <= whole, "{name} cut at {end}");
            }
        }
        for (name, bytes) in seeds("proc") {
            let (&which, bytes) = bytes.split_first().unwrap();
            let told = Told::ALL[usize::from(which)];
            let whole = told.found(bytes);
            for end in 0..bytes.len() {
                let found = told.found(&bytes[..end]);
                // A port that is cut is another port.
                assert!(found <= whole || told == Told::Ports, "{name} cut at {end}");
            }
        }
    }

    #[test]
    fn every_value_is_one_somebody_may_type() {
        for (name, bytes) in seeds("values") {
            let text = String::from_utf8(bytes).unwrap();
            if let Some(line) = text.strip_prefix("finrst\n") {
                let typed = Cli::try_parse_from(["finrst"].into_iter().chain(line.split('\n')));
                assert!(typed.is_ok(), "{name}: {}", typed.unwrap_err());
                continue;
            }
            let taken = [
                values::comm(&text).is_ok() && name == "comm",
                values::net(&text).is_ok(),
                values::state(&text).is_ok(),
                values::memory(&text).is_ok(),
                values::sockets(&text).is_ok(),
                values::duration(&text).is_ok(),
            ];
            assert!(taken.contains(&true), "{name}");
        }
    }
}
