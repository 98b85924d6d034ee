"""KMS as AWS answers it, where ministack answers otherwise.

Written from AWS's documents; it shares no code with the product, so that each can show the other wrong.
"""
