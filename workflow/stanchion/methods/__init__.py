"""The methods: how draws are obtained. One file a method, one line of the catalogue."""
