"""What every target shares on the way from rule to query. Pure; pySigma is met here and in backends."""
