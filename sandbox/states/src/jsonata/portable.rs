//! Finds expressions that `jsonata-core` evaluates and Step Functions rejects at creation.
//!
//! In Step Functions expressions have no input of their own: everything starts at `$states` or a variable. A name or
//! `$` at the top level is rejected (`UNSUPPORTED_JSONATA_EXPRESSION`). `$$`, which refers to that input, is rejected
//! everywhere. Step Functions implements `JSONata` 2.0.6 (`transforming-data.html`), which does not have the operators
//! `??` and `?:`.

use std::collections::BTreeSet;

use jsonata_core::ast::{AstNode, BinaryOp, Stage};

/// Whether names refer to the expression's own input, which does not exist.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Top,
    Inside,
}

/// The result of analyzing an expression.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Analysis {
    /// The parts that Step Functions rejects in every field.
    pub(super) problems: Vec<String>,
    /// The members of `$states` that the expression reads.
    pub(super) members: BTreeSet<String>,
}

/// Analyzes an expression.
pub(super) fn analyze(tree: &AstNode) -> Analysis {
    let mut analysis = Analysis::default();
    walk(tree, Level::Top, &mut analysis);
    analysis
}

fn walk(node: &AstNode, level: Level, analysis: &mut Analysis) {
    match node {
        AstNode::Name(name) if level == Level::Top => {
            analysis.problems.push(format!("Reference to '{name}' at the top level is not supported."));
        }
        AstNode::Variable(name) if name.is_empty() && level == Level::Top => {
            analysis.problems.push("Reference to '$' at the top level is not supported.".to_owned());
        }
        AstNode::ParentVariable(_) => analysis.problems.push("Reference to '$$' is not supported.".to_owned()),
        AstNode::Path { steps } => {
            if let [first, second, ..] = steps.as_slice()
                && let (AstNode::Variable(variable), AstNode::Name(member)) = (&first.node, &second.node)
                && variable == "states"
            {
                analysis.members.insert(member.clone());
            }
            for (index, step) in steps.iter().enumerate() {
                walk(&step.node, if index == 0 { level } else { Level::Inside }, analysis);
                for stage in &step.stages {
                    if let Stage::Filter(filter) = stage {
                        walk(filter, Level::Inside, analysis);
                    }
                }
            }
        }
        AstNode::Binary { op, lhs, rhs } => {
            if let Some(operator) = newer(*op) {
                analysis.problems.push(format!("The operator '{operator}' is not part of JSONata 2.0.6."));
            }
            walk(lhs, level, analysis);
            walk(rhs, level, analysis);
        }
        AstNode::Unary { operand, .. } => walk(operand, level, analysis),
        AstNode::Function { args, .. } | AstNode::Array(args) | AstNode::Block(args) | AstNode::ArrayGroup(args) => {
            walk_all(args, level, analysis);
        }
        AstNode::Call { procedure, args } => {
            walk(procedure, level, analysis);
            walk_all(args, level, analysis);
        }
        AstNode::Lambda { body, .. } => walk(body, level, analysis),
        AstNode::FunctionApplication(inner) => walk(inner, level, analysis),
        AstNode::Object(pairs) => walk_pairs(pairs, level, analysis),
        AstNode::ObjectTransform { input, pattern } => {
            walk(input, level, analysis);
            walk_pairs(pattern, Level::Inside, analysis);
        }
        AstNode::Conditional { condition, then_branch, else_branch } => {
            walk(condition, level, analysis);
            walk(then_branch, level, analysis);
            if let Some(branch) = else_branch {
                walk(branch, level, analysis);
            }
        }
        AstNode::Sort { input, terms } => {
            walk(input, level, analysis);
            for (term, _) in terms {
                walk(term, Level::Inside, analysis);
            }
        }
        _ => {}
    }
}

fn walk_all(nodes: &[AstNode], level: Level, analysis: &mut Analysis) {
    for node in nodes {
        walk(node, level, analysis);
    }
}

fn walk_pairs(pairs: &[(AstNode, AstNode)], level: Level, analysis: &mut Analysis) {
    for (key, value) in pairs {
        walk(key, level, analysis);
        walk(value, level, analysis);
    }
}

/// The operators of versions after 2.0.6.
fn newer(operator: BinaryOp) -> Option<&'static str> {
    match operator {
        BinaryOp::Coalesce => Some("??"),
        BinaryOp::Default => Some("?:"),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn problems(expression: &str) -> Vec<String> {
        analyze(&jsonata_core::parser::parse(expression).unwrap()).problems
    }

    #[test]
    fn names_at_the_top_level_are_found() {
        for expression in [
            "phone",
            "phone.home",
            "$states.input.a + phone",
            "$sum(phone)",
            "{'a': phone}",
            "(1; phone)",
            "$x ? phone : 1",
            "phone[x = 1]",
            "[1, phone]",
            "-phone",
            "$map($x, function($v) { phone })",
        ] {
            assert_eq!(
                problems(expression),
                ["Reference to 'phone' at the top level is not supported."],
                "{expression}"
            );
        }
    }

    #[test]
    fn names_below_states_variables_and_items_are_accepted() {
        for expression in [
            "$states.input.phone",
            "$x[phone = 1].{'a': phone, 'b': $states.input.n}",
            "$x.(phone & '!')",
            "$x^(phone)",
            "$x{phone: $sum(home)}",
            "$merge([$states.input, {'phone': 1}])",
            "$map($x, function($v, $i) { $v.phone })",
            "($y := $states.result; $y.phone)",
            "$states.input ~> $keys()",
            "$exists($x.phone) and $x.phone in ['a']",
        ] {
            assert_eq!(problems(expression), [""; 0], "{expression}");
        }
    }

    #[test]
    fn references_to_the_missing_input_are_found() {
        for expression in ["$$", "$$.a", "$states.input.a[$$.b = 1]", "$map($x, function($v) { $$.a })"] {
            assert_eq!(problems(expression), ["Reference to '$$' is not supported."], "{expression}");
        }
        for expression in ["$", "$.a", "$sum($)"] {
            assert_eq!(problems(expression), ["Reference to '$' at the top level is not supported."], "{expression}");
        }
        assert_eq!(problems("$x[$ > 1].($ + 1)"), [""; 0]);
    }

    #[test]
    fn the_members_of_states_are_found_at_every_position() {
        let members = |expression: &str| analyze(&jsonata_core::parser::parse(expression).unwrap()).members;
        assert_eq!(members("$states.input.result"), ["input".to_owned()].into());
        assert_eq!(
            members(
                "$map($x, function($v) { $v + $states.result.n }) ~> $sum() + ($states.errorOutput[Error = 'E'] ? 1 : 0)"
            ),
            ["errorOutput".to_owned(), "result".to_owned()].into()
        );
        assert_eq!(members("$other.result"), BTreeSet::new());
    }

    #[test]
    fn unsupported_operators_are_found() {
        assert_eq!(problems("$x ?? 1"), ["The operator '??' is not part of JSONata 2.0.6."]);
        assert_eq!(problems("$x.a ?: 1"), ["The operator '?:' is not part of JSONata 2.0.6."]);
    }
}
