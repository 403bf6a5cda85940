use super::*;
use clap::Parser;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    flags: LimitFlags,
}

fn flags(arguments: &[&str]) -> LimitFlags {
    let line = std::iter::once("serve").chain(arguments.iter().copied());
    Line::try_parse_from(line).expect("the flags exist").flags
}

#[test]
fn the_flags_defaults_are_the_librarys() {
    let (by_flags, by_library) = (flags(&[]).limits(), Limits::default());
    assert_eq!(format!("{by_flags:?}"), format!("{by_library:?}"));
    assert_eq!(flags(&[]).drain_finish, Drain::default().finish);
    assert_eq!(flags(&[]).check(), Ok(()));
    assert!(LimitFlags::fit(&mut Limits::default(), &Drain::default(), Some(20_000)).is_empty());
}

#[test]
fn reads_sizes_and_says_how_to_write_them() {
    assert_eq!((size("8Mi"), size("512Ki"), size("1Gi"), size("7")), (Ok(8 << 20), Ok(512 << 10), Ok(1 << 30), Ok(7)));
    for text in ["", "Mi", "8M", "-1", "1.5Mi", "99999999999999999999", "99999999999Gi"] {
        assert!(size(text).is_err(), "{text}");
    }
}

#[test]
fn refuses_limits_that_would_serve_nobody() {
    for flag in ["max-connections", "max-handshakes", "max-in-flight", "max-body"] {
        let error = flags(&[&format!("--{flag}=0")]).check().expect_err(flag);
        assert!(error.to_string().contains(flag), "{error}");
    }
    for (flag, least) in [("max-bytes-in-flight", 8 << 20), ("max-weight-in-flight", (12 << 20) + 1)] {
        let budget = least - 1;
        let error = flags(&["--max-body=8Mi", &format!("--{flag}={budget}")]).check();
        assert_eq!(error, Err(LimitError::Body { body: 8 << 20, flag, budget, least }));
        assert_eq!(flags(&["--max-body=8Mi", &format!("--{flag}={least}")]).check(), Ok(()));
    }
}

#[test]
fn lowers_the_connections_to_the_limit_of_open_files_and_says_so() {
    for (files, most) in [(20_000, 4096), (1024, 832), (64, 32), (1, 1)] {
        let flags = flags(&["--max-connections=4096"]);
        let mut limits = flags.limits();
        let said = LimitFlags::fit(&mut limits, &Drain::default(), Some(files));
        assert_eq!((limits.connections, said.is_empty()), (most, most == 4096), "{files}");
        assert!(said.iter().all(|line| line.contains(&most.to_string()) && line.contains("ulimit")), "{said:?}");
    }
    assert!(open_files().is_none_or(|files| files > 0));
}

#[test]
fn warns_of_idle_times_that_fail_requests() {
    let flags = flags(&["--idle-time=30s", "--first-header-time=40s"]);
    let drain = Drain { idle: Duration::from_secs(5), ..Drain::default() };
    let said = LimitFlags::fit(&mut flags.limits(), &drain, None);
    let about = |flag: &str| said.iter().any(|line| line.starts_with(flag));
    assert!(said.len() == 3 && about("--idle-time 30s") && about("--drain-idle 5s"), "{said:?}");
    assert!(about("--first-header-time 40s"), "{said:?}");
}
