//! What failed and why, from the output of `cargo test`: said again at the very end of a run, where a person looks first.

/// Lines of one failure that are shown; what fails at length says the rest further up.
const LINES: usize = 12;
/// Characters of one of them.
const WIDTH: usize = 600;

/// Reads output line by line, and keeps the panics of tests that fail.
#[derive(Debug, Default)]
pub(crate) struct Failures {
    found: Vec<Failure>,
    /// Lines of the last one that are still to come.
    open: usize,
}

#[derive(Debug)]
struct Failure {
    test: String,
    said: Vec<String>,
}

impl Failures {
    /// Takes the next line.
    pub(crate) fn read(&mut self, line: &str) {
        if let Some(test) = line.strip_prefix("---- ").and_then(|rest| rest.strip_suffix(" stdout ----")) {
            self.found.push(Failure { test: test.to_owned(), said: Vec::new() });
            self.open = 0;
            return;
        }
        let Some(failure) = self.found.last_mut() else { return };
        if line.starts_with("thread '") && line.contains("panicked at ") && failure.said.is_empty() {
            self.open = LINES;
        } else if line.is_empty() || line.starts_with("note: run with `RUST_BACKTRACE") || line == "failures:"
        {
            self.open = 0;
        }
        if self.open > 0 {
            self.open -= 1;
            failure.said.push(line.chars().take(WIDTH).collect());
        }
    }

    /// One paragraph for each test that failed.
    pub(crate) fn told(&self) -> Vec<String> {
        let told =
            |failure: &Failure| format!("FAILED {}\n    {}", failure.test, failure.said.join("\n    "));
        self.found.iter().map(told).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_test_is_told_with_its_panic_and_without_its_logs() {
        let output = "test a ... ok\ntest b ... FAILED\n\nfailures:\n\n---- b stdout ----\n1 INFO a log\n\
            thread 'b' (12) panicked at tests/b.rs:3:5:\nassertion failed\n  left: 1\n right: 2\n\
            note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n2 ERROR a log ends\n\n\n\
            failures:\n    b\n\ntest result: FAILED. 1 passed; 1 failed\n";
        let mut failures = Failures::default();
        output.lines().for_each(|line| failures.read(line));
        let told = "FAILED b\n    thread 'b' (12) panicked at tests/b.rs:3:5:\n    assertion failed\n      left: 1\n     right: 2";
        assert_eq!(failures.told(), [told]);
    }

    #[test]
    fn nothing_is_told_of_tests_that_pass() {
        let mut failures = Failures::default();
        ["test a ... ok", "thread 'a' panicked at x", "test result: ok."]
            .iter()
            .for_each(|line| failures.read(line));
        assert!(failures.told().is_empty());
    }
}
