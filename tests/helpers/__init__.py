"""What tests share: small networks, toys, made-up plugins, slow formulas, seeded bugs."""
