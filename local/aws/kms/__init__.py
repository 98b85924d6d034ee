"""KMS as AWS answers it, where ministack answers otherwise. Written from AWS's documents; shares no code with the product."""
