"""Key policies in infrastructure code: found in templates and plans, resolved as far as can be, and judged."""
