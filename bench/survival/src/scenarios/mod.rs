//! The scenarios, in the order of the report.

mod conditions;
mod crowds;
mod documents;
mod intermediaries;
mod lists;
mod reads;
mod refusals;
mod sets;
mod uploads;
mod words;
mod writes;

use crate::scenario::Scenario;

/// All scenarios.
pub fn all() -> Vec<Scenario> {
    let groups = [
        reads::scenarios(),
        writes::scenarios(),
        conditions::scenarios(),
        sets::scenarios(),
        uploads::scenarios(),
        intermediaries::scenarios(),
        documents::scenarios(),
        lists::scenarios(),
        refusals::scenarios(),
        crowds::scenarios(),
    ];
    groups.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn there_are_as_many_as_documented_and_no_name_is_there_twice() {
        let all = all();
        assert_eq!(all.len(), 80 + 42 + 4);
        let names: BTreeSet<_> = all.iter().map(|one| &one.name).collect();
        assert_eq!(names.len(), all.len());
    }
}
