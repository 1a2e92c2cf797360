//! What an expression names.

use cel::common::ast::{EntryExpr, Expr, IdedExpr};

/// The expressions right below.
fn children(expr: &IdedExpr) -> Vec<&IdedExpr> {
    fn entry(e: &EntryExpr) -> Vec<&IdedExpr> {
        match e {
            EntryExpr::StructField(field) => vec![&field.value],
            EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
        }
    }
    match &expr.expr {
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
        Expr::Comprehension(c) => vec![&c.iter_range, &c.accu_init, &c.loop_cond, &c.loop_step, &c.result],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::Map(map) => map.entries.iter().flat_map(|e| entry(&e.expr)).collect(),
        Expr::Struct(s) => s.entries.iter().flat_map(|e| entry(&e.expr)).collect(),
        Expr::Unspecified | Expr::Literal(_) | Expr::Ident(_) => Vec::new(),
    }
}

/// As deep as [`DEPTH_MAX`] at most: what is deeper was not compiled.
pub(super) fn mentions(expr: &IdedExpr, name: &str) -> bool {
    let named = |ident: &String| ident == name || ident.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
    matches!(&expr.expr, Expr::Ident(ident) if named(ident)) || children(expr).into_iter().any(|e| mentions(e, name))
}

/// Gathers the fields of the output; says whether none of its uses reads it as a whole.
pub(super) fn output_fields(expr: &IdedExpr, out: &mut Vec<Vec<String>>) -> bool {
    if let Some(names) = field_of_output(expr) {
        out.push(names);
        return true;
    }
    let is_whole = matches!(&expr.expr, Expr::Ident(name) if name == "output");
    !is_whole && children(expr).into_iter().all(|e| output_fields(e, out))
}

/// `output.a.b` as its names.
fn field_of_output(expr: &IdedExpr) -> Option<Vec<String>> {
    match &expr.expr {
        Expr::Ident(name) => name.strip_prefix("output.").map(|rest| rest.split('.').map(str::to_owned).collect()),
        Expr::Select(select) => {
            let is_root = matches!(&select.operand.expr, Expr::Ident(name) if name == "output");
            let mut names = if is_root { Vec::new() } else { field_of_output(&select.operand)? };
            names.push(select.field.clone());
            Some(names)
        }
        _ => None,
    }
}
