//! The guide's page about policies: every figure on it is what its command prints.

use super::sandbox::{Ended, Sandbox};

#[test]
fn every_figure_of_the_page_about_policies_is_what_its_command_prints() {
    let sandbox = Sandbox::new();
    let mut commands = 0;
    for (language, block) in blocks(PAGE) {
        if language == "toml" {
            let first = block.lines().next().unwrap();
            let name = first.strip_prefix("# ").expect("the name of the file");
            sandbox.write(name, block.as_bytes());
        } else if language == "console" {
            let (command, expected) = block.split_once('\n').unwrap();
            let line = command.strip_prefix("$ undaunted ").expect("a command");
            let shown = run(&sandbox, line);
            shows(&shown, expected).unwrap_or_else(|part| {
                panic!("{command}\ndoes not print\n{part}\nbut\n{shown}");
            });
            commands += 1;
        }
    }
    assert_eq!(commands, 6);
}

/// What it prints in a terminal of 100 columns.
fn run(sandbox: &Sandbox, line: &str) -> String {
    let mut command = sandbox.binary();
    command.args(line.split_whitespace());
    command.env("LC_ALL", "C.UTF-8").env("COLUMNS", "100");
    Ended::of(command.output().unwrap()).ok().stdout
}

/// Whether the parts between the lines with `...` are there, in this order; the part that is not.
fn shows<'e>(shown: &str, expected: &'e str) -> Result<(), &'e str> {
    let mut rest = shown;
    for part in expected.split("...\n").filter(|part| !part.is_empty()) {
        let at = rest.find(part).ok_or(part)?;
        rest = &rest[at + part.len()..];
    }
    Ok(())
}

/// The language and the text of each code block.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let fences = page.split("```").skip(1).step_by(2);
    fences.filter_map(|block| block.split_once('\n')).collect()
}

const PAGE: &str = include_str!("../../../undaunted/src/guide/choosing_a_policy.md");
